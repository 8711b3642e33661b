"""A crash ends the program, whatever pygame would rather do."""

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, sys
os.environ.update(SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy")
from pianogenie.window import display
display.has_display()
os.kill(os.getpid(), signal.SIGSEGV)
sys.exit("still here")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_a_crash_ends_the_program_at_once():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGSEGV
    assert "parachute" not in done.stderr
