"""From moments to figures: which press became which note, percentiles, a table."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

_CHORD_MS = 0.5
COLUMNS = ("count", "p50", "p99", "p999", "max", "jitter", "lost", "reordered")


def distribution(milliseconds: Sequence[float]) -> dict[str, float]:
    """Count, percentiles, maximum, and jitter: from the first percentile to the 99th. At least one value."""
    p1, p50, p99, p999 = np.percentile(milliseconds, (1, 50, 99, 99.9))
    rounded = {"p50": p50, "p99": p99, "p999": p999, "max": max(milliseconds), "jitter": p99 - p1}
    return {"count": len(milliseconds)} | {name: round(float(value), 3) for name, value in rounded.items()}


def medians_in_chords(arrived: Sequence[float], spent: Sequence[float]) -> list[float | None]:
    """Of presses at these moments, each at most 0.5 ms after the one before if it is of the same chord, what the first,
    the second and the third of a chord took in the median; None where there were none. All in milliseconds."""
    gaps = np.diff(np.asarray(arrived), prepend=-np.inf)
    places, place = [], 0
    for gap in gaps:
        place = place + 1 if gap <= _CHORD_MS else 0
        places.append(place)
    of_each = [np.asarray(spent)[np.asarray(places) == place] for place in range(3)]
    return [round(float(np.median(each)), 3) if len(each) else None for each in of_each]


def paired(sent: Sequence[object], heard: Sequence[object]) -> tuple[list[tuple[int, int]], int, int]:
    """Which of `heard` is which of `sent`, when something may be missing or out of its place.

    Gives pairs of indices, how many were lost, and how many came but not in their place.
    """
    if list(sent) == list(heard):
        return [(i, i) for i in range(len(sent))], 0, 0
    blocks = SequenceMatcher(None, sent, heard, autojunk=False).get_matching_blocks()
    pairs = [(a + i, b + i) for a, b, size in blocks for i in range(size)]
    lost = max(len(sent) - len(heard), 0)
    return pairs, lost, len(sent) - lost - len(pairs)


def table(report: dict) -> str:
    """The report as a Markdown table and lines, milliseconds unless they say otherwise."""
    rows = {f"event to MIDI, {name}": report["event_to_midi_ms"][name] for name in ("keyboard", "gamepad", "midi_in")}
    rows |= {"key to JACK": report["key_to_jack_ms"], "event to audio buffer": report["event_to_audio_ms"]}
    heads = ("presses", "p50", "p99", "p99.9", "max", "jitter", "lost", "reordered")
    lines = ["| ms | " + " | ".join(heads) + " |", "| --- " * (len(heads) + 1) + "|"]
    for name, row in rows.items():
        cells = [_cell(row.get(column)) for column in COLUMNS] if row else ["not measured"] + [""] * (len(heads) - 1)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines.append("")
    for name, row in rows.items():
        medians = (row or {}).get("in_chords_p50", [])
        named = zip(("first", "second", "third"), medians, strict=False)
        cells = [f"{place} {_cell(median)}" for place, median in named if median is not None]
        if len(cells) > 1:
            lines.append(f"{name}, of a chord, p50: {', '.join(cells)}.")
    lines.append(f"Start to playable: {_with_unit(report['start_to_playable_s'], 's')}. ")
    lines[-1] += f"Resident: {_with_unit(report['rss_mib'], 'MiB')}."
    for name, reason in reasons(report):
        lines.append(f"{name}: not measured: {reason}")
    return "\n".join(lines)


def reasons(report: dict) -> list[tuple[str, str]]:
    """The parts that are null, and why."""
    found = []
    for place in (report, report["event_to_midi_ms"]):
        found += [(name.removesuffix("_reason"), text) for name, text in place.items() if name.endswith("_reason")]
    return found


def _cell(value: object) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.2f}"


def _with_unit(value: float | None, unit: str) -> str:
    return "not measured" if value is None else f"{value} {unit}"
