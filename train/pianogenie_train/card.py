"""The model card for people: README.md of a model folder, from its model.json."""

MEANING = {
    "ppl": "perplexity of the true key, given the encoder's buttons",
    "cvr": "share of steps whose button moves against the pitch",
    "gold": "mean squared error, in buttons, against buttons set by hand for well-known melodies",
    "hand_ppl": "perplexity of the true key, given buttons of hand-like rules",
    "free_cvr": "share of sampled steps whose key moves against the button, worst pattern",
    "velocity_mae": "mean error of the velocity it expects",
    "velocity_mae_constant": "the same of the best constant guess",
}
"""The scores of a model.json, in the order in which they are shown."""


def text(facts: dict) -> str:
    """Markdown for the facts of a model.json."""
    data, recipe = facts["data"], facts["recipe"]
    source = f"[{data['name']}]({data['url']})" if data["url"] else data["name"]
    lines = [
        f"# {facts['name']}",
        "",
        f"A Pianogenie model: {facts['num_buttons']} buttons in, 88 piano keys out. `decoder.onnx` is the instrument,",
        "one press a step; `encoder.onnx` finds buttons for a performance; `weights.safetensors` is what a training",
        "goes on from. `model.json` says the same as this card, for programs.",
        "",
        "## Licence",
        "",
        f"- Weights: {facts['licence']}",
        f"- Learnt from: {source}, {data['licence']}",
        *_parent(facts.get("parent")),
        "",
        "## Scores",
        "",
        *_scores(facts["scores"]),
        "",
        f"The exported graph's logits differ from torch's by at most {facts.get('export_difference', 0):.1e}.",
        "",
        "## Recipe",
        "",
        f"Configuration `{recipe['configuration']}`, seed {recipe['seed']}; the {recipe['checkpoint']} checkpoint, of "
        f"step {recipe['steps']:,},",
        f"{recipe['minutes']} minutes of training on {recipe['training_notes']:,} notes, by Pianogenie "
        f"{recipe['version']} and torch {recipe['torch']}.",
        "",
        "```sh",
        *_commands(facts),
        "```",
        "",
        "## What it does not do",
        "",
        *_limits(facts),
    ]
    return "\n".join(lines) + "\n"


def shown(score: float) -> str:
    """A score as people read it."""
    return f"{score:.4g}"


def _parent(parent: dict | None) -> list[str]:
    if not parent:
        return []
    data = parent["data"]
    learnt = f"which learnt from {data['name']}, {data['licence']}"
    return [f"- Fine-tuned from `{parent['name']}`, {parent['licence']}, {learnt}"]


def _commands(facts: dict) -> list[str]:
    own, parent = facts["recipe"]["commands"], facts.get("parent") or {}
    if not parent.get("commands"):
        return own
    return [f"# {parent['name']}, which it was fine-tuned from", *parent["commands"], f"# {facts['name']}", *own]


def _limits(facts: dict) -> list[str]:
    if facts["recipe"]["settings"].get("hand_share"):
        lines = ["- The hands that it has met were made by rules; a person's may do otherwise."]
    else:
        lines = ["- It has met its own encoder's buttons only: `hand_ppl` says how well it follows a person's."]
    if not (facts["scores"] or {}).get("velocity_mae"):
        lines.append("- It knows no velocity; the instrument takes that from the player, or makes it up.")
    return lines + [f"- {note}" for note in facts["notes"]]


def _scores(scores: dict | None) -> list[str]:
    if not scores:
        return ["Not scored."]
    rows = [
        f"On {scores['windows']:,} windows of 128 notes that no training saw; lower is better.",
        "",
        "| score | | what it is |",
        "|---|---:|---|",
    ]
    rows += [
        f"| {name} | {shown(scores[name])} | {meaning} |"
        for name, meaning in MEANING.items()
        if scores.get(name) is not None
    ]
    rows += [
        "",
        "By hand rule: " + ", ".join(f"{k} {v:.3g}" for k, v in scores["hand_ppl_by_rule"].items()) + ".",
        "By pattern: " + ", ".join(f"{k} {v:.2%}" for k, v in scores["free_cvr_by_pattern"].items()) + ".",
    ]
    return rows
