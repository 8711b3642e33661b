"""What the trainer needs and the instrument does without."""

import importlib.util

from pianogenie.errors import UserError

_TRAIN = ("torch", "lightning", "symusic", "onnx", "onnxscript", "tensorboard", "safetensors", "jinja2")


def need_train_extra(purpose: str, packages: tuple[str, ...] = _TRAIN) -> None:
    """Raise UserError, with the command that installs them, unless those `packages` of the extra `train` that
    `purpose` needs are there; imports nothing."""
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"{purpose} needs {', '.join(missing)}, which the instrument does without; install them with: "
            "pip install '.[train]' in the checkout (after pipx: pipx install --force '.[train]')"
        )
