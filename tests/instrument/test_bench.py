"""The parts of `pianogenie bench latency` that need no session: what is played, and what is made of it."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pianogenie.bench.bursts import bursts
from pianogenie.bench.figures import distribution, medians_in_chords, paired, reasons, table
from pianogenie.bench.histogram import draw
from pianogenie.bench.memory import memory_mib
from pianogenie.bench.programs import Missing, find, helper, started


@given(presses=st.integers(1, 300), sources=st.integers(1, 16), seed=st.integers(0, 1000))
def test_every_source_goes_down_and_up_in_turn(presses, sources, seed):
    moves = bursts(presses, sources, seed)
    assert [m.press for m in moves if m.down] == list(range(presses))
    assert [m.time for m in moves] == sorted(m.time for m in moves)
    held = {}
    for move in moves:
        assert 0 <= move.source < sources
        if move.down:
            assert move.source not in held
            held[move.source] = move.press
        else:
            assert held.pop(move.source) == move.press
    assert not held
    assert moves == bursts(presses, sources, seed)


@given(sent=st.lists(st.integers(0, 7), min_size=1, max_size=60), data=st.data())
def test_what_is_lost_is_counted(sent, data):
    kept = data.draw(st.lists(st.booleans(), min_size=len(sent), max_size=len(sent)))
    heard = [button for button, keep in zip(sent, kept, strict=True) if keep]
    pairs, lost, reordered = paired(sent, heard)
    assert lost == len(sent) - len(heard)
    assert len(pairs) + lost + reordered == len(sent)
    assert all(sent[a] == heard[b] for a, b in pairs)
    assert pairs == sorted(set(pairs)) and len({b for _, b in pairs}) == len(pairs)


def test_what_changes_places_is_counted():
    assert paired([1, 2, 3, 4], [1, 2, 3, 4]) == ([(0, 0), (1, 1), (2, 2), (3, 3)], 0, 0)
    pairs, lost, reordered = paired([1, 2, 3, 4], [1, 3, 2, 4])
    assert (len(pairs), lost, reordered) == (3, 0, 1)


def test_percentiles():
    row = distribution([i / 1000 for i in range(1, 1002)])
    assert row == {"count": 1001, "p50": 0.501, "p99": 0.991, "p999": 1.0, "max": 1.001, "jitter": 0.98}


def test_what_the_notes_of_a_chord_took_is_told_apart():
    arrived = [0.0, 10.0, 10.4, 10.8, 11.2, 20.0, 20.1, 30.0]
    assert medians_in_chords(arrived, [1.0, 2.0, 5.0, 8.0, 99.0, 3.0, 6.0, 4.0]) == [2.5, 5.5, 8.0]
    assert medians_in_chords([0.0, 1.0], [1.0, 2.0]) == [1.5, None, None]
    row = distribution([0.1, 0.2]) | {"in_chords_p50": [0.2, 0.3, None]}
    midi = {"keyboard": row, "gamepad": distribution([0.1]) | {"in_chords_p50": [0.1, None, None]}, "midi_in": None}
    others = dict.fromkeys(("key_to_jack_ms", "event_to_audio_ms", "start_to_playable_s", "rss_mib"))
    lines = table({"event_to_midi_ms": midi, **others}).splitlines()
    assert [line for line in lines if "chord" in line] == [
        "event to MIDI, keyboard, of a chord, p50: first 0.20, second 0.30."
    ]


def test_a_table_names_what_is_missing():
    midi = {"keyboard": distribution([0.1, 0.2]), "gamepad": None, "gamepad_reason": "no pad", "midi_in": None}
    report = {"event_to_midi_ms": midi, "key_to_jack_ms": None, "key_to_jack_ms_reason": "no jackd"}
    report |= {"event_to_audio_ms": None, "start_to_playable_s": 1.25, "rss_mib": None}
    said = table(report)
    assert "| event to MIDI, keyboard | 2 | 0.15 |" in said and "1.25 s" in said
    assert "gamepad: not measured: no pad" in said and ("key_to_jack_ms", "no jackd") in reasons(report)


def test_a_picture_of_anything(tmp_path):
    draw({"one": [0.3], "many": [0.1, 5.0, 80.0] * 50}, tmp_path / "a.png")
    draw({}, tmp_path / "b.png")
    assert (tmp_path / "a.png").stat().st_size > 2000 and (tmp_path / "b.png").exists()


@pytest.mark.skipif(not os.path.exists("/proc/self/smaps"), reason="no /proc")
def test_memory_counts_children():
    hold = "import sys; block = bytearray(b'1') * (40 << 20); print('0', flush=True); sys.stdin.read()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    with helper(["-c", parent], dict(os.environ)) as told:
        told.answer(30)
        found = memory_mib(told.process.pid)
        # The child ends with its input, which ends with ours.
        told.process.stdin.close()
        told.process.wait(10)
    assert found["processes"] == 2 and found["main"] < 40 < found["resident"] < 120


def test_a_helper_that_ends_or_keeps_silent_is_missing():
    with helper(["-c", "pass"], dict(os.environ)) as told, pytest.raises(Missing, match="ended"):
        told.answer(30)
    with (
        helper(["-c", "import time; time.sleep(60)"], dict(os.environ)) as told,
        pytest.raises(Missing, match="no a"),
    ):
        told.answer(0.1)
    with pytest.raises(Missing, match="is not installed"):
        find("no-such-program-anywhere")


def test_what_was_started_ends_with_the_block():
    with started([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        assert process.poll() is None
    assert process.poll() is not None


def test_playing_imports_none_of_it():
    modules = "pianogenie.cli.play, pianogenie.window.window, pianogenie.inputs.gamepads, pianogenie.outputs.piano"
    code = f"import sys, {modules}; print(*(m for m in sys.modules if m.startswith('pianogenie.bench')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""
