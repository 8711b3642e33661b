"""Put the report page together: what is measured goes into a template, and nothing in it points elsewhere."""

from pathlib import Path

import jinja2

from pianogenie.files import write_text, written_whole
from pianogenie.model import Model, load_model, shipped_models
from pianogenie_train import card as cards
from pianogenie_train.data import Prepared
from pianogenie_train.modelfolder import played_as
from pianogenie_train.page import charts, counting, curves, listening
from pianogenie_train.page.beside import Beside
from pianogenie_train.players import FolderPlayer

NAME = "report.html"


def write_page(
    folder: Path, run: Path, data: Prepared, beside: Beside | None, *, play: str | None = None, out: Path | None = None
) -> Path:
    """Write the page of a scored model folder, made from `run`, into it or to `out`. Returns where it is.

    `play` is what the model is called by to be played; the folder unless told.

    Raises UserError if the folder cannot be read or the page cannot be written.
    """
    model = load_model(folder)
    out = out or folder / NAME
    text = _template().render(play=play or played_as(folder), **_facts(model, run, data, beside))
    with written_whole(out) as path:
        write_text(path, text)
    return out


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")


def _facts(model: Model, run: Path, data: Prepared, beside: Beside | None) -> dict:
    """What the template shows."""
    card = model.card
    ours = counting.count(FolderPlayer(model), data)
    theirs = None
    if beside and beside.model.encoder and beside.model.num_buttons == model.num_buttons:
        theirs = counting.count(FolderPlayer(beside.model), data)
    learnt = curves.read(run)
    level = None
    if beside and beside.is_parent and beside.scores["ppl"]:
        level = (f"{beside.model.name} on the same pieces, before", beside.scores["ppl"])
    return {
        "card": card,
        "parent": card.get("parent"),
        "beside": beside,
        "relation": _relation(beside) if beside else None,
        "scores": _score_rows(card["scores"], beside.scores if beside else None),
        "learning": charts.learning(
            [charts.Line("training", learnt.train, "train"), charts.Line("validation", learnt.validation, "ours")],
            level,
        ),
        "level": level[0] if level else None,
        "best": min((value for _, value in learnt.validation), default=None),
        "buttons": charts.buttons(ours.buttons, theirs.buttons if theirs else None),
        "buttons_beside": theirs is not None,
        "keys": charts.keys(ours.played, ours.found),
        **_listening(model, data, beside),
    }


def _relation(beside: Beside) -> str:
    if beside.is_parent:
        return "its parent"
    return "one of those that ship" if beside.model.folder in shipped_models() else "another model"


def _score_rows(ours: dict, theirs: dict | None) -> list[dict]:
    rows = []
    for name, meaning in cards.MEANING.items():
        mine, other = ours.get(name), (theirs or {}).get(name)
        if mine is None or name == "velocity_mae_constant":
            continue
        if name == "velocity_mae":
            meaning += f" (of the best constant guess: {cards.shown(ours['velocity_mae_constant'])})"
        rows.append(
            {
                "name": name,
                "label": name.replace("_", " "),
                "meaning": meaning,
                "ours": cards.shown(mine),
                "theirs": None if other is None else cards.shown(other),
                "better": other is not None and mine < other,
                "change": _change(mine, other),
            }
        )
    return rows


def _change(ours: float, theirs: float | None) -> str:
    if not theirs:
        return ""
    return f"×{ours / theirs:.3g}" if ours > 2 * theirs else f"{ours / theirs - 1:+.0%}"


def _listening(model: Model, data: Prepared, beside: Beside | None) -> dict:
    piece = listening.excerpt(data)
    buttons = listening.buttons_for(piece, model)
    written = [
        charts.Note(key, start, start + length, button)
        for key, start, length, button in zip(
            piece.keys.tolist(), piece.onsets.tolist(), piece.durations.tolist(), buttons.tolist(), strict=True
        )
    ]
    lowest, highest = max(0, int(piece.keys.min()) - 5), min(87, int(piece.keys.max()) + 5)

    def take(title: str, told: str, notes: list[charts.Note], events: list, num_buttons: int) -> dict:
        return {
            "title": title,
            "told": told,
            "roll": charts.roll(notes, num_buttons, piece.seconds, lowest, highest),
            "audio": listening.audio(events, piece.seconds),
        }

    takes = [
        take("The piece", "as its pianist played it", written, listening.as_written(piece), model.num_buttons),
    ]
    compared = [] if beside is None else [(beside.model, "before" if beside.is_parent else "for comparison")]
    for other, when in (*compared, (model, "after" if beside and beside.is_parent else "the new model")):
        pressed = listening.stretched(buttons, model.num_buttons, other.num_buttons)
        events = listening.played(listening.performance(piece, pressed, other.num_buttons), other)
        told = f"{when}, on those buttons"
        takes.append(take(other.name, told, listening.notes_of(events), events, other.num_buttons))
    return {
        "piece": piece.name,
        "seconds": round(piece.seconds),
        "seconds_exact": f"{piece.seconds:.3f}",
        "takes": takes,
        "presses": charts.presses(written, model.num_buttons, piece.seconds),
    }
