"""What all rooms' tests share."""

import os
import re
import signal
from pathlib import Path

import hypothesis
import pytest

from tests.toymodel import write_model

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

# A busy machine makes an example slow, not wrong.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


def pytest_configure():
    """Signals that the tests themselves are to ignore (SIGINT and SIGQUIT in a shell's background, SIGHUP under nohup)
    end what they start all the same: a program begins with what the one before it ignored."""
    for name in ("SIGINT", "SIGQUIT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Note how often hypothesis tried a test's property: tools/reliability.py makes a table of it."""
    statistics = getattr(item, "hypothesis_statistics", "")
    if statistics and "tried" not in dict(item.user_properties):
        item.user_properties.append(("tried", sum(map(int, re.findall(r"(\d+) passing", statistics)))))
    return (yield)


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory) -> Path:
    """A model folder of eight buttons, each with a key of its own."""
    return write_model(tmp_path_factory.mktemp("models") / "toy")


@pytest.fixture(scope="session")
def one_key_model(tmp_path_factory) -> Path:
    """A model folder whose every button plays the same key."""
    return write_model(tmp_path_factory.mktemp("models") / "onekey", same_key=True)
