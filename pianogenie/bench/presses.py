"""Event to MIDI and key to JACK: one session, played on the keyboard, on a gamepad and from a MIDI port in turn."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pianogenie.bench.figures import medians_in_chords, paired
from pianogenie.bench.memory import memory_mib
from pianogenie.bench.programs import Missing, busy_core
from pianogenie.bench.sessions import KEYS, NUM_BUTTONS, Player, Stage, buttons_of, play_keys, playing

INPUTS = ("keyboard", "gamepad", "midi_in")
_SETTLES_S = 5.0
"""From the first note to the first press that counts: the piano's sounds are made meanwhile."""
_GIVEN_UP_AFTER_S = 10.0
"""A press is lost if its note has not come so long after the last one."""
_FILLING = 200
"""Presses at a time while a session only goes on until its memory is looked at."""


@dataclass
class Phase:
    """What was done on one input. Moments are monotonic ns; `notes` are places in the session's list of note-ons.

    `arrived` is when each press was there for the instrument, `asked` (keyboard) when the X server was asked for it.
    """

    buttons: list[int]
    arrived: list[int]
    asked: list[int] = field(default_factory=list)
    notes: range = range(0)
    frames_per_s: float = 0.0


@dataclass
class Evening:
    """A session that is over: its phases, or why there is none; each note-on, and each that JACK's other end heard."""

    phases: dict[str, Phase | Missing]
    memory: dict[str, float] | Missing
    minutes: float
    handed_over: tuple[list[int], list[int]]
    pressed: list[int]
    heard: list[list[int]]


def play_evening(stage: Stage, presses: int, minutes: float, seed: int, say: Callable[[str], None]) -> Evening:
    """Play so many presses on each input, with one core kept busy; then go on until so many minutes are over.

    Raises Missing: the session could not be played to its end.
    """
    listening = ["--midi-in", f"{stage.peer_name}:out"] if stage.peer else []
    heard_before = len(stage.peer.ask("tell")[1]) if stage.peer else 0
    ways = {"keyboard": _keyboard, "gamepad": _gamepad, "midi_in": _midi_in}
    phases: dict[str, Phase | Missing] = {}
    with playing(stage, "c", *listening) as player:
        player.wait_until_playable()
        began = time.monotonic()
        time.sleep(_SETTLES_S)
        with busy_core():
            for number, (name, way) in enumerate(ways.items()):
                say(f"{name}: {presses} presses")
                try:
                    phases[name] = _timed(way, player, stage, presses, seed + number)
                except Missing as missing:
                    phases[name] = missing
            while (time.monotonic() - began) / 60 < minutes:
                play_keys(stage.keys, _FILLING, seed)
        player.settle()
        try:
            memory = memory_mib(player.pid)
        except Missing as missing:
            memory = missing
        minutes = (time.monotonic() - began) / 60
        player.end()
        heard = stage.peer.ask("tell")[1][heard_before:] if stage.peer else []
        return Evening(phases, memory, round(minutes, 1), player.note_ons(), player.presses(), heard)


def event_to_midi(evening: Evening, name: str) -> tuple[list[float], dict[str, object]]:
    """The milliseconds of one input, and what belongs beside them. Raises Missing."""
    phase, pairs, lost, reordered = _matched(evening, name)
    times = evening.handed_over[0]
    spent = [(times[note] - phase.arrived[press]) / 1e6 for press, note in pairs]
    # A note before its press was another's: where some are missing, the buttons alone do not always tell.
    matched = [milliseconds for milliseconds in spent if milliseconds > 0]
    if not matched:
        raise Missing("all notes came before their presses: the clocks do not agree")
    reordered += len(spent) - len(matched)
    in_chords = medians_in_chords([phase.arrived[press] / 1e6 for press, _ in pairs], spent)
    beside = {"lost": lost, "reordered": reordered, "in_chords_p50": in_chords, "frames_per_s": phase.frames_per_s}
    return matched, beside


def key_to_jack(evening: Evening) -> tuple[list[float], dict[str, object]]:
    """The milliseconds from asking for a key to hearing its note at JACK's other end. Raises Missing."""
    phase, pairs, lost, reordered = _matched(evening, "keyboard")
    heard_of, _, astray = paired(evening.handed_over[1], [note for _, note in evening.heard])
    heard_of = dict(heard_of)
    spent = [(evening.heard[heard_of[note]][0] - phase.asked[press]) / 1e6 for press, note in pairs if note in heard_of]
    if not spent:
        raise Missing("no note arrived")
    return spent, {"lost": lost + len(pairs) - len(spent), "reordered": reordered + astray}


def _matched(evening: Evening, name: str) -> tuple[Phase, list[tuple[int, int]], int, int]:
    """A phase, pairs of a press in it and a note-on, and how many presses were lost or out of their place."""
    phase = evening.phases[name]
    if isinstance(phase, Missing):
        raise phase
    # Each press is one note-on, so the recording says which button a note-on was for.
    if len(evening.pressed) != len(evening.handed_over[0]):
        raise Missing(f"{len(evening.pressed)} recorded presses gave {len(evening.handed_over[0])} note-ons")
    first = phase.notes.start
    pairs, lost, reordered = paired(phase.buttons, evening.pressed[first : phase.notes.stop])
    if not pairs:
        raise Missing("no press was heard")
    return phase, [(press, first + place) for press, place in pairs], lost, reordered


def _timed(way: Callable[..., Phase], player: Player, stage: Stage, presses: int, seed: int) -> Phase:
    before, began = player.settle(), time.monotonic()
    phase = way(player, stage, presses, seed)
    frames, seconds = player.ask("counts")["frames"] - before["frames"], time.monotonic() - began
    after = player.settle(before["note_ons"] + presses, _GIVEN_UP_AFTER_S)
    phase.notes = range(before["note_ons"], after["note_ons"])
    phase.frames_per_s = round(frames / seconds, 1)
    return phase


def _keyboard(player: Player, stage: Stage, presses: int, seed: int) -> Phase:
    keys = stage.keys
    first = len(keys.taken_up)
    asked = play_keys(keys, presses, seed)
    keys.collect_all()
    return Phase(buttons_of(presses, len(KEYS), seed), list(keys.taken_up[first:]), asked)


def _gamepad(player: Player, stage: Stage, presses: int, seed: int) -> Phase:
    if not player.ask("plug"):
        raise Missing("the virtual gamepad was not found")
    try:
        player.ask("play", presses, seed, seconds=_long(presses))
    finally:
        player.ask("pull")
    return Phase(buttons_of(presses, NUM_BUTTONS, seed), json.loads((player.folder / "pad").read_text()))


def _midi_in(player: Player, stage: Stage, presses: int, seed: int) -> Phase:
    if stage.peer is None:
        raise stage.no_peer
    before = len(stage.peer.ask("tell")[0])
    stage.peer.ask("play", presses, seed, seconds=_long(presses))
    sent = stage.peer.ask("tell")[0][before:]
    return Phase(buttons_of(presses, NUM_BUTTONS, seed), [time for time, _ in sent])


def _long(presses: int) -> float:
    """Seconds after which bursts should be over by far."""
    return 30 + presses / 10
