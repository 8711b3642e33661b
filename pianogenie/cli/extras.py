"""What the trainer needs and the instrument does without."""

import importlib.util

from pianogenie.errors import UserError

_TRAIN = ("torch", "lightning", "symusic", "onnx", "onnxscript", "tensorboard")


def need_train_extra(purpose: str) -> None:
    """Raise UserError, with the command that installs it, unless the extra `train` is there; imports nothing."""
    missing = [name for name in _TRAIN if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"{purpose} needs {', '.join(missing)}, which the instrument does without; install them with: "
            "pip install '.[train]' in the checkout (after pipx: pipx install --force '.[train]')"
        )
