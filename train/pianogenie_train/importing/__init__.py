"""The two public Piano Genie checkpoints -> model folders of format 1.

Read in this order:

    weights.py    what a decoder and an encoder are made of, in one form for both checkpoints
    reading.py    bounded reads of files that a stranger made
    magenta.py    Magenta's TensorFlow.js weights -> that form
    tutorial.py   the first author's PyTorch model -> that form
    graphs.py     that form -> two ONNX graphs
    card.py       what is known of where the weights come from -> model.json and README.md
    folder.py     all of it: a checkpoint -> a model folder, checked

Nothing is learnt here, and no number is changed but by the rounding of float32.
"""
