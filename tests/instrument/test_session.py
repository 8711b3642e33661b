"""A live session's ways out."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time

from pianogenie.events import NoteOff, NoteOn, Pedal, Press, Release
from pianogenie.genie import Genie
from pianogenie.inputs.base import Input
from pianogenie.model import load_model
from pianogenie.offline import Collector
from pianogenie.session import Session, autoplay
from tests.e2e.programs import wait_for


def test_leaving_it_by_an_exception_lets_go_of_what_is_held(toy_model):
    collector = Collector()
    session = Session(Genie(load_model(toy_model)), [collector])
    try:
        with session:
            session.hands.down("key", 3)
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert [type(event) for event in collector.events[:2]] == [NoteOn, NoteOff]


def test_a_demo_that_breaks_down_ends_the_session(toy_model, monkeypatch):
    session = Session(Genie(load_model(toy_model)), [])
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    thread = threading.Thread(target=autoplay, args=(session, [Press("no button", 0.0)]))
    thread.start()
    thread.join(10)
    assert session.should_stop()


def test_a_demo_that_stood_still_goes_on_in_time_and_plays_nothing_while_it_is_silenced(toy_model, monkeypatch):
    collector, ahead = Collector(), [0.0]
    session = Session(Genie(load_model(toy_model)), [collector])
    clock = session.clock
    monkeypatch.setattr(session, "clock", lambda: clock() + ahead[0])
    session.hands._clock = session.clock
    events = [event for i in range(6) for event in (Press(i, 0.1 * i), Release(i, 0.1 * i + 0.05))]
    thread = threading.Thread(target=autoplay, args=(session, events, 0.0))

    def struck():
        return [event.time for event in collector.events if type(event) is NoteOn]

    thread.start()
    wait_for(struck, "the first note")
    with session.hands.stilled():
        before = len(struck())
        time.sleep(0.3)
        assert len(struck()) == before
        ahead[0] = 3600.0  # as after a suspension
    thread.join(10)
    session.performer.close()
    later = [time for time in struck() if time >= 3600]
    assert len(struck()) == 6 and len(later) >= 3
    gaps = [after - before for before, after in itertools.pairwise(later)]
    assert sorted(gaps)[len(gaps) // 2] > 0.05, f"not all at once: {later}"


def test_trouble_that_did_not_stop_an_output_is_said_at_the_end(toy_model, capsys):
    collector = Collector()
    with Session(Genie(load_model(toy_model)), [collector]):
        collector.trouble = "060-mid.ogg: the sample cannot be read"
    assert "collector: 060-mid.ogg" in capsys.readouterr().err


UNDER_WAY = """
import os, signal, pygame
from pianogenie.session import signals_raise
with signals_raise():
    pygame.mixer.init()
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(10**7): pass
        print("went on")
    finally:
        print("undone")
"""


def test_a_signal_while_things_are_opened_undoes_them():
    """SDL would otherwise take SIGTERM for itself as soon as the mixer is open."""
    result = subprocess.run(
        [sys.executable, "-c", UNDER_WAY],
        env={"SDL_AUDIODRIVER": "dummy", "PYGAME_HIDE_SUPPORT_PROMPT": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.stdout == "undone\n" and result.returncode == 128 + signal.SIGTERM


class Device(Input):
    """Remembers its end."""

    name = "pad"

    def __init__(self, hands, collector):
        self.hands, self.collector, self.sounded_at_the_end = hands, collector, None

    def close(self):
        self.sounded_at_the_end = [type(event) for event in self.collector.events]
        raise OSError("gone")


def test_what_is_held_is_let_go_before_inputs_are_closed_which_may_take_long_or_fail(toy_model):
    collector = Collector()
    with Session(Genie(load_model(toy_model)), [collector]) as session:
        device = session.add(Device(session.hands, collector))
        device.hands.down(("pad", 1), 3)
        device.missing = True
        assert session.losses() == ["lost pad"]
    assert device.sounded_at_the_end == [NoteOn, NoteOff]
    assert [type(event) for event in collector.events] == [NoteOn, NoteOff, Pedal]


def test_sigusr1_is_a_panic_whatever_the_main_thread_is_in_the_middle_of(toy_model):
    """Signals come while locks are held; a handler that took one would wait for itself."""
    collector = Collector()
    before = signal.getsignal(signal.SIGUSR1)
    with Session(Genie(load_model(toy_model)), [collector]) as session:
        for round_ in range(200):
            session.hands.down("key", round_ % 8)
            if round_ % 10 == 0:
                os.kill(os.getpid(), signal.SIGUSR1)
            session.hands.up("key")
        session.hands.down("key", 1)
        session.hands.pedal("foot", 127)
        seen = len(collector.events)
        os.kill(os.getpid(), signal.SIGUSR1)
        wait_for(lambda: any(event == Pedal(0, event.time) for event in collector.events[seen:]), "the panic")
        after = len(collector.events)
        session.hands.up("key")
        assert len(collector.events) == after, "it was let go already"
        session.hands.pedal("foot", 127)
        assert collector.events[-1].value == 127, "the pedal works again"
    assert signal.getsignal(signal.SIGUSR1) == before
    sounding = 0
    for event in collector.events:
        sounding += isinstance(event, NoteOn) - isinstance(event, NoteOff)
        assert sounding in (0, 1)
    assert sounding == 0


def test_what_nohup_ignores_stays_ignored(toy_model):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Session(Genie(load_model(toy_model)), []) as session:
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.05)
            assert not session.should_stop()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
