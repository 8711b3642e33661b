"""Playing without a display, a window or a terminal, and the unit that starts it."""

import configparser
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.programs import PIANOGENIE, quiet_environment, running, stop

UNIT = Path(__file__).parents[2] / "docs" / "pianogenie.service"


@pytest.fixture
def headless(tmp_path, toy_model):
    command = [*PIANOGENIE, "play", "--headless", "--no-sound", "--model", str(toy_model)]
    with running([*command, "--record", str(tmp_path / "music")], env=quiet_environment(tmp_path)) as process:
        said = []
        while "plays from" not in "".join(said):
            said.append(process.stderr.readline())
            assert said[-1], f"ended at once: {said}"
        yield process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_waits_for_devices_until_a_signal_and_leaves_well(headless, tmp_path, number):
    if number == signal.SIGTERM:
        headless.send_signal(signal.SIGUSR1)
        time.sleep(0.3)
    assert headless.poll() is None
    _out, errors = stop(headless, number)
    assert headless.returncode == 0 and "Traceback" not in errors
    assert not any((tmp_path / "music").iterdir()), "nothing was played"


def test_a_window_and_none_contradict(tmp_path, toy_model):
    result = subprocess.run(
        [*PIANOGENIE, "play", "--headless", "--terminal", "--model", str(toy_model)],
        env=quiet_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 2 and result.stderr.count("\n") == 1 and "--headless" in result.stderr


def test_the_unit_is_one_that_systemd_takes(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("missing: systemd-analyze")
    program = tmp_path / ".local" / "bin" / "pianogenie"
    program.parent.mkdir(parents=True)
    program.symlink_to("/bin/true")
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text().replace("%h", str(tmp_path)))
    result = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", str(path)],
        env={**os.environ, "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0 and UNIT.name not in result.stderr, result.stderr


def test_the_unit_starts_a_command_that_there_is():
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str
    unit.read(UNIT)
    program, *words = unit["Service"]["ExecStart"].split()
    assert program.endswith("/pianogenie") and words == ["play", "--headless"]
    assert "-USR1" in unit["Service"]["ExecReload"]
