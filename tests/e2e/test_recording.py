"""What becomes of a recording when the session ends as no session should."""

import resource
import shutil
import time

import pytest

from pianogenie.events import Press
from pianogenie.performance import load_performance
from tests.e2e.programs import PIANOGENIE, quiet_environment, running, stop, wait_for
from tests.e2e.test_terminal import notes


@pytest.fixture
def demo(tmp_path, toy_model):
    """Starts `pianogenie demo` of some seconds, recorded in `music`."""

    def start(seconds, **options):
        command = [*PIANOGENIE, "demo", "--seconds", str(seconds), "--no-sound", "--model", str(toy_model)]
        environment = quiet_environment(tmp_path, **options.pop("environment", {}))
        return running([*command, "--record", str(tmp_path / "music")], env=environment, **options)

    return start


def presses(path):
    return [event for event in load_performance(path).events if isinstance(event, Press)]


def test_what_a_killed_session_played_is_recovered_at_the_next_start_and_said(demo, tmp_path):
    music = tmp_path / "music"
    with demo(60) as killed:
        journal = wait_for(lambda: next(music.glob("*.journal"), None), "the journal")
        wait_for(lambda: journal.read_bytes().count(b"press") > 5, "some presses")
        killed.kill()
    with demo(1) as following:
        _out, errors = following.communicate(timeout=30)
    assert errors.count("recovered") == 1 and journal.with_suffix(".mid").name in errors
    assert len(presses(journal.with_suffix(".json"))) > 5
    assert not list(music.glob("*.journal")) and len(list(music.glob("*.mid"))) == 2


def test_a_living_sessions_journal_is_its_own(demo, tmp_path):
    music = tmp_path / "music"
    with demo(60) as first:
        journal = wait_for(lambda: next(music.glob("*.journal"), None), "the journal")
        with demo(1) as second:
            _out, errors = second.communicate(timeout=30)
        assert journal.exists() and "recovered" not in errors
        stop(first)
    assert first.returncode == 0 and not list(music.glob("*.journal")) and len(list(music.glob("*.mid"))) == 2


def test_a_disk_that_is_full_is_said_and_the_session_plays_on(demo, tmp_path):
    """A limit on the size of a file stands in for it: the system refuses to write in the same place and way."""

    def little_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))

    began = time.monotonic()
    with demo(4, preexec_fn=little_room) as playing:
        _out, errors = playing.communicate(timeout=30)
    assert time.monotonic() - began >= 4
    assert playing.returncode == 2 and "Traceback" not in errors
    assert errors.count("goes on without a recording") == 1
    music = tmp_path / "music"
    for journal in music.glob("*.journal"):  # there is no room for a recording either, or just enough
        assert str(journal) in errors
    with demo(1) as following:
        following.communicate(timeout=30)
    first = min(music.glob("*.json"))
    assert len(list(music.glob("*.json"))) == 2 and presses(first) and first.with_suffix(".mid").exists()


def test_a_recording_that_cannot_be_written_is_said_at_the_end(demo, tmp_path):
    music = tmp_path / "music"
    with demo(2) as playing:
        wait_for(lambda: list(music.glob("*.journal")), "the journal")
        shutil.rmtree(music)
        music.write_text("in the way")
        _out, errors = playing.communicate(timeout=30)
    assert playing.returncode == 2 and "Traceback" not in errors
    assert str(music) in errors


JUMPING = """
import datetime, time
now, calls = time.time, [0]
def jumping():
    calls[0] += 1
    return now() + (86400.0 if calls[0] % 2 else -86400.0)
time.time = jumping
class Jumping(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(jumping(), tz)
datetime.datetime = Jumping
"""


def test_a_wall_clock_that_jumps_changes_nothing(demo, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(JUMPING)
    with demo(2, environment={"PYTHONPATH": str(tmp_path)}) as playing:
        playing.communicate(timeout=30)
    assert playing.returncode == 0
    played = notes(tmp_path / "music")
    assert len(played) > 2 and all(0 <= start < end < 6 for _, start, end in played)
