"""Where models, assets and recordings lie: inside an installed wheel, or beside the package in a checkout."""

from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent


def _bundled(name: str) -> Path:
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def models_dir() -> Path:
    """The folder of the models that ship, a folder each."""
    return _bundled("models")


def own_models_dir() -> Path:
    """The folder of a person's own models, a folder each: where this platform keeps a program's data."""
    return _own("models")


def training_dir() -> Path:
    """The folder of what trainings leave behind (data, checkpoints), a folder a model."""
    return _own("training")


def _own(name: str) -> Path:
    return platformdirs.user_data_path("pianogenie", appauthor=False) / name


def assets_dir() -> Path:
    """The folder of samples, songs and pictures that ship."""
    return _bundled("assets")


def recordings_dir() -> Path:
    """Where sessions are recorded unless told otherwise: the platform's music folder."""
    return platformdirs.user_music_path() / "Pianogenie"
