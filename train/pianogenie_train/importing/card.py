"""model.json and README.md of an imported model: where it comes from, and nothing that its source does not say."""

import json
import textwrap

from pianogenie.model import FORMAT
from pianogenie_train.importing.weights import Peer

NOT_SAID = "not said by the checkpoint"

# What a licence file is known by -> what it is called. The NC ones first: their text holds the plainer names too.
_LICENCES = (
    ("attribution-noncommercial-sharealike 4.0 international", "CC BY-NC-SA 4.0"),
    ("attribution-noncommercial 4.0 international", "CC BY-NC 4.0"),
    ("attribution-sharealike 4.0 international", "CC BY-SA 4.0"),
    ("attribution 4.0 international", "CC BY 4.0"),
    ("apache license, version 2.0", "Apache-2.0"),
    ("apache license\nversion 2.0", "Apache-2.0"),
    ("mit license", "MIT"),
)


def facts(peer: Peer, name: str, licence: str | None, command: str, sha256: dict[str, str]) -> dict:
    """model.json of an imported model; `licence` is the text of the file that came with it, or None."""
    return {
        "format": FORMAT,
        "name": name,
        "num_buttons": peer.decoder.num_buttons,
        "state_size": peer.decoder.state_size,
        "encoder": peer.encoder is not None,
        "licence": _licence_of(licence),
        "licence_file": licence is not None,
        "source": {"title": peer.title, "url": peer.url, "sha256": peer.sources},
        "data": {"name": NOT_SAID, "licence": NOT_SAID, "url": ""},
        "recipe": {"commands": [command], "settings": peer.settings, "seed": peer.settings.get("seed")},
        "scores": None,
        "sha256": sha256,
    }


def text(card: dict) -> str:
    """Markdown for the facts of a model.json."""
    source, settings = card["source"], card["recipe"]["settings"]
    lines = [
        f"# {card['name']}",
        "",
        *_lines(
            f"A Pianogenie model: {card['num_buttons']} buttons in, 88 piano keys out. It was not trained here: it is "
            f"[{source['title']}]({source['url']}), as graphs of format 1. "
            "`model.json` says the same as this card, for programs."
        ),
        "",
        *_lines("`decoder.onnx` is the instrument, one press a step. " + _of_encoder(card["encoder"])),
        "",
        "## Licence",
        "",
        f"- Weights: {card['licence']}" + (" (`LICENSE` is the file that came with them)" * card["licence_file"]),
        f"- Learnt from: {card['data']['name']}",
        "",
        "## Scores",
        "",
        "Not scored; `pianogenie train eval` does, on your own data"
        + ("." if card["encoder"] else ", as far as a model without an encoder can be."),
        "",
        *_of_example(card.get("example")),
        "## Recipe",
        "",
        "Imported with",
        "",
        "```sh",
        *card["recipe"]["commands"],
        "```",
        "",
        "from files with these SHA-256:",
        "",
        *(f"- `{name}` {checksum}" for name, checksum in source["sha256"].items()),
        "",
        "How it was trained: "
        + ("as the checkpoint's own settings say." if settings else "the checkpoint does not say."),
        *(["", *(f"- {name}: {json.dumps(value)}" for name, value in settings.items())] if settings else []),
        "",
        "## What it does not do",
        "",
        "- It knows no velocity; the instrument takes that from the player, or makes it up.",
    ]
    if not card["encoder"]:
        lines.append("- It has no encoder: it cannot find buttons for a performance.")
    return "\n".join(lines) + "\n"


def _of_encoder(there: bool) -> str:
    if there:
        return "`encoder.onnx` finds buttons for a performance."
    return "There is no encoder: only the decoder was published."


def _of_example(example: dict | None) -> list[str]:
    if example is None:
        return []
    sentence = (
        f"On the {example['steps']} steps of `{example['name']}`, which came with it, its logits differ from those of "
        f"the authors' program by at most {example['difference']:.1e}."
    )
    return [*_lines(sentence), ""]


def _lines(paragraph: str) -> list[str]:
    return textwrap.wrap(paragraph, 118, break_long_words=False, break_on_hyphens=False)


def _licence_of(text: str | None) -> str:
    """What the licence file that came with the weights is called; None: none came."""
    if text is None:
        return "unknown: no LICENSE came with the weights; ask their authors before passing them on"
    lines = "\n".join(" ".join(line.split()) for line in text.lower().splitlines())
    return next((name for mark, name in _LICENCES if mark in lines), "see LICENSE")
