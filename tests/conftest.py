"""What all rooms' tests share."""

import os
from pathlib import Path

import hypothesis
import pytest

from tests.toymodel import write_model

os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

# A busy machine makes an example slow, not wrong.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory) -> Path:
    """A model folder of eight buttons, each with a key of its own."""
    return write_model(tmp_path_factory.mktemp("models") / "toy")


@pytest.fixture(scope="session")
def one_key_model(tmp_path_factory) -> Path:
    """A model folder whose every button plays the same key."""
    return write_model(tmp_path_factory.mktemp("models") / "onekey", same_key=True)
