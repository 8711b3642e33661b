"""The measurement as a whole: its parts, each with its figures or the reason why there are none."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pianogenie.bench.figures import distribution
from pianogenie.bench.jack import PERIOD, RATE_HZ
from pianogenie.bench.machine import machine
from pianogenie.bench.moments import event_to_audio, start_to_playable_s
from pianogenie.bench.presses import INPUTS, Evening, event_to_midi, key_to_jack, play_evening
from pianogenie.bench.programs import Missing
from pianogenie.bench.sessions import Stage, environment, jack_peer
from pianogenie.bench.xserver import Keys, xvfb

_PARTS = ("key_to_jack_ms", "event_to_audio_ms", "start_to_playable_s", "rss_mib")


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    `presses` on each input, `sounds` heard one by one, `starts` of the program, and at least so many `minutes` of play
    before memory is looked at.
    """

    model: str
    presses: int
    sounds: int
    starts: int
    minutes: float
    seed: int


def measure(plan: Plan, say: Callable[[str], None]) -> tuple[dict, dict[str, list[float]]]:
    """Measure what can be measured. `say` takes a line now and then.

    Gives the report, ready for JSON, and for each of its distributions the milliseconds behind it.
    """
    midi: dict = dict.fromkeys(INPUTS)
    report: dict = {"event_to_midi_ms": midi, **dict.fromkeys(_PARTS), "machine": machine() | _how(plan)}
    raw: dict[str, list[float]] = {}
    with contextlib.ExitStack() as stack:
        try:
            stage = _stage(stack, plan)
        except Missing as missing:
            _all_missing(report, missing)
            return report, raw
        port = f"JACK, {PERIOD} frames at {RATE_HZ} Hz" if stage.peer else f"in memory ({stage.no_peer})"
        report["machine"]["midi_port"] = port
        try:
            evening = play_evening(stage, plan.presses, plan.minutes, plan.seed, say)
        except Missing as missing:
            for name in INPUTS:
                _missing(midi, name, missing)
            for name in ("key_to_jack_ms", "rss_mib"):
                _missing(report, name, missing)
        else:
            _report_evening(evening, stage, report, raw)
        say(f"sound: {plan.sounds} presses")
        with _part(report, "event_to_audio_ms"):
            raw["event to audio buffer"], beside = event_to_audio(stage, plan.sounds)
            report["event_to_audio_ms"] = distribution(raw["event to audio buffer"]) | beside
        say(f"start: {plan.starts} times")
        with _part(report, "start_to_playable_s"):
            starts = [start_to_playable_s(stage) for _ in range(plan.starts)]
            report["start_to_playable_s"] = round(statistics.median(starts), 3)
            report["start_to_playable"] = {"each_s": [round(s, 3) for s in starts]}
    return report, raw


def _report_evening(evening: Evening, stage: Stage, report: dict, raw: dict[str, list[float]]) -> None:
    for name in INPUTS:
        with _part(report["event_to_midi_ms"], name):
            spent, beside = event_to_midi(evening, name)
            raw[f"event to MIDI, {name}"] = spent
            report["event_to_midi_ms"][name] = distribution(spent) | beside
    with _part(report, "key_to_jack_ms"):
        if stage.no_peer:
            raise stage.no_peer
        raw["key to JACK"], beside = key_to_jack(evening)
        report["key_to_jack_ms"] = distribution(raw["key to JACK"]) | beside
    with _part(report, "rss_mib"):
        if isinstance(evening.memory, Missing):
            raise evening.memory
        report["rss_mib"] = evening.memory["resident"]
        report["rss"] = {"after_minutes": evening.minutes} | evening.memory


def _stage(stack: contextlib.ExitStack, plan: Plan) -> Stage:
    """Set up the X server and, where it is installed, JACK. Raises Missing without the X server."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pianogenie-bench-")))
    display = stack.enter_context(xvfb())
    ours = stack.enter_context(environment(display, folder))
    stage = Stage(folder, ours, stack.enter_context(Keys(display)), plan.model)
    try:
        stage.peer, stage.peer_name, stage.environment = stack.enter_context(jack_peer(stage.environment, folder))
    except Missing as missing:
        stage.no_peer = missing
    return stage


def _how(plan: Plan) -> dict[str, object]:
    return {"model": plan.model, "seed": plan.seed, "beside": "one process that keeps a core busy", "midi_port": None}


@contextlib.contextmanager
def _part(place: dict, name: str) -> Iterator[None]:
    """A part that is null, with the reason beside it, if it is Missing."""
    try:
        yield
    except Missing as missing:
        _missing(place, name, missing)


def _missing(place: dict, name: str, missing: Missing) -> None:
    place[name] = None
    place[f"{name}_reason"] = str(missing)


def _all_missing(report: dict, missing: Missing) -> None:
    for name in INPUTS:
        _missing(report["event_to_midi_ms"], name, missing)
    for name in _PARTS:
        _missing(report, name, missing)
