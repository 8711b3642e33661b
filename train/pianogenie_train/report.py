"""What the commands print: plain text for people, one fact a line."""

from pathlib import Path
from typing import TYPE_CHECKING

from pianogenie_train.modelfolder import played_as

if TYPE_CHECKING:
    from pianogenie_train.bench import Quality, Speed

_MOST_NAMES = 20
_HEADLINES = ("ppl", "cvr", "gold", "hand_ppl", "free_cvr")


def of_preparation(report: dict, out: Path, seconds: float, jobs: int) -> str:
    """The text of a preparation's report (see prepare.py), after `seconds` on `jobs` processes."""
    read = report["files"] + sum(report["files_left_out"].values())
    lines = [f"{out}: {report['files']} files, {report['notes']:,} notes, {report['hours']:.1f} hours"]
    for split, counts in report["splits"].items():
        lines.append(
            f"  {split:<11}{counts['files']:>7} files {counts['notes']:>12,} notes {counts['hours']:>8.2f} hours"
            f" {counts['windows']:>8,} windows of 128"
        )
    for kind in ("files", "notes"):
        left_out = report[f"{kind}_left_out"]
        lines.append(f"{kind} left out: {sum(left_out.values()):,}")
        lines += [f"  {count:,}: {reason}" for reason, count in left_out.items()]
    shown = report["left_out"][:_MOST_NAMES]
    lines += [f"  {entry['name']}: {entry['reason']}" for entry in shown]
    total = sum(report["files_left_out"].values())
    if total > len(shown):
        lines.append(f"  … and {total - len(shown)} more; data.json names the first {len(report['left_out'])}")
    lines.append(f"{read / seconds:.0f} files/s on {jobs} process{'es' * (jobs > 1)}, {seconds:.1f} s in all")
    if not report["splits"]["validation"]["windows"]:
        lines.append("No validation piece holds 128 notes: there is nothing to score a training on.")
    return "\n".join(lines)


def of_scores(model: str, split: str, scores: dict) -> str:
    """A table of scores (see scores.py)."""

    missing = "none (a language model has no buttons)" if scores["hand_ppl"] is None else "none (no encoder)"

    def shown(value: float | None) -> str:
        return missing if value is None else f"{value:.4f}"

    lines = [f"{model}, {split}: {scores['windows']:,} windows of 128 notes"]
    lines += [f"  {name.replace('_', ' '):<14}{shown(scores[name]):>10}" for name in _HEADLINES]
    if scores["velocity_mae"] is not None:
        constant = scores["velocity_mae_constant"]
        lines.append(f"  velocity error{scores['velocity_mae']:>8.2f} (a constant guess: {constant:.2f})")
    for title, key in (("hand ppl by rule", "hand_ppl_by_rule"), ("free cvr by pattern", "free_cvr_by_pattern")):
        lines += [title] if scores[key] else []
        lines += [f"  {name:<14}{shown(value):>10}" for name, value in scores[key].items()]
    return "\n".join(lines)


def of_many_scores(split: str, scores: list[dict]) -> str:
    """A row for each of many models' scores, which hold their `model` too; "-" where a model has no such score."""
    width = max(len(row["model"]) for row in scores)
    lines = [f"{split}: {scores[0]['windows']:,} windows of 128 notes"]
    lines.append(" " * width + "".join(f"{name.replace('_', ' '):>10}" for name in _HEADLINES))
    for row in scores:
        cells = ("-" if row[name] is None else f"{row[name]:.4f}" for name in _HEADLINES)
        lines.append(f"{row['model']:<{width}}" + "".join(f"{cell:>10}" for cell in cells))
    return "\n".join(lines)


def of_export(facts: dict, out: Path, *, how_to_play: bool = True) -> str:
    """What an export made (see export.py)."""
    lines = [
        f"{out}: {facts['num_buttons']} buttons, state of {facts['state_size']}, logits within "
        f"{facts['export_difference']:.1e} of torch"
    ]
    if facts["scores"]:
        lines.append(", ".join(f"{name.replace('_', ' ')} {facts['scores'][name]:.4f}" for name in _HEADLINES))
    if "not stated" in (facts["licence"], facts["data"]["licence"]):
        lines.append("The card states no licence: give --data-name, --data-licence and --weights-licence.")
    if how_to_play:
        lines.append(f"Play it: pianogenie play --model {played_as(out)}")
    return "\n".join(lines)


def of_comparison(name: str, scores: dict) -> str:
    """The same scores of the model that a new one is held against."""
    cells = ("none" if scores[score] is None else f"{scores[score]:.4f}" for score in _HEADLINES)
    named = (f"{score.replace('_', ' ')} {cell}" for score, cell in zip(_HEADLINES, cells, strict=True))
    return f"On the same pieces, {name}: " + ", ".join(named)


def of_speed(config_name: str, speed: "Speed") -> str:
    """How quick training went (see bench.py)."""
    return (
        f"{config_name}, {speed.device}, {speed.threads} thread{'s' * (speed.threads > 1)}: "
        f"{speed.notes_per_s:,.0f} notes/s, {speed.step_ms:.1f} ms a step, {speed.loading_share:.2%} of the time "
        f"waiting for data ({speed.steps} steps in {speed.seconds:.1f} s)"
    )


def of_quality(config_name: str, quality: "Quality") -> str:
    """How long it took to a perplexity (see bench.py)."""
    if quality.reached:
        return (
            f"{config_name}: validation ppl {quality.ppl:.3f} (asked for: {quality.wanted_ppl:g}) after "
            f"{quality.seconds:.1f} s, {quality.steps:,} steps, {quality.notes_per_s:,.0f} notes/s"
        )
    best = "none" if quality.ppl is None else f"{quality.ppl:.3f}"
    return (
        f"{config_name}: validation ppl {quality.wanted_ppl:g} not reached in {quality.seconds:.1f} s, "
        f"{quality.steps:,} steps, {quality.notes_per_s:,.0f} notes/s; the best was {best}"
    )
