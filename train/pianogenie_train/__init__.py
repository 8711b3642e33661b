"""The offline trainer: MIDI in, a model folder out.

Read in this order, a file an idea:

    parse.py      one MIDI file -> its piano notes
    sources.py    folders and zips -> the files in them, and which split each belongs to
    workers.py    many files at once, on all cores, with broken ones kept from harming the rest
    prepare.py    a collection -> memory-mapped arrays and a report
    data.py       the arrays -> windows of notes: random ones to learn from, fixed ones to be scored on
    config.py     everything that may differ between two runs
    quantiser.py  what the encoder says -> one of a few buttons, and the gradient's way back
    losses.py     what training minimises
    hands.py      how people press buttons: the rules of the scores, and others to learn from
    tunes.py      single voices made up on the spot, with the buttons a person would tap
    model.py      the paper's autoencoder, and what the paper compares it with
    shares.py     our own code: buttons share out what may come next
    handbank.py   who may be playing: simple hands, followed side by side
    gated.py      our own network, on blocks.py, recurrence.py, fastweights.py and operators.py
    muon.py       the optimiser of our own network
    training.py   one step of training, one look at validation
    loop.py       the training loop and what it shows
    checkpoints.py  when and how a run is kept, and what a signal does
    devices.py    whether the GPU that is asked for is there, and large enough
    ranks.py      several processes that train one model, and how they agree
    runs.py       a run's folder: what a training leaves behind (facts.py reads its JSON, and data's)
    scores.py     what a model is worth (players.py, melodies.py and patterns.py help)
    steps.py      one press of each decoder, in few operations
    sizes.py      what a network will take up, told before it is trained
    graphs.py     the network as two ONNX graphs
    export.py     a run -> a model folder (modelfolder.py) and its card (card.py), checked against the run
    parents.py    a trained model to go on from
    onego.py      all of that in one go (retrain.py knows what suits a collection)
    page/         a page about a model, to look at and to listen to (report.py gathers what it shows)
    bench.py      how quick training is
    cli/          the commands, a file each (hushed.py keeps libraries' talk out of what they say)
    importing/    the two public checkpoints -> model folders

Only the commands import torch; `import pianogenie_train` does not.
"""
