"""A live session's ways out."""

import signal
import subprocess
import sys
import threading

from pianogenie.events import NoteOff, NoteOn, Press
from pianogenie.genie import Genie
from pianogenie.model import load_model
from pianogenie.offline import Collector
from pianogenie.session import Session, autoplay


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
