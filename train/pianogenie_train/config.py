"""Everything that may differ between two runs, and the configurations that have a name.

To add one: a line in CONFIGURATIONS. To add a setting: a field here, with a default that keeps every earlier
run what it was.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pianogenie.errors import UserError

_LARGEST = {
    "rnn_dim": 8192,
    "encoder_dim": 8192,
    "code_dim": 8192,
    "rnn_layers": 64,
    "encoder_layers": 64,
    "memories": 64,
    "window": 1 << 16,
    "batch_size": 1 << 16,
    "seed": 2**63 - 1,  # torch's
    "transpose_max": 87,
    "tune_share": 16,
    "lr": 1e30,
    "steps": 1 << 40,
    "warmup_steps": 1 << 40,
    "validate_every": 1 << 40,
}
"""A stranger's file may ask for a network; it shall not fill the memory before anything could be compared. And where
numbers end, training would with a fault of a library's."""

_MEANS_NOTHING: tuple[tuple[Callable[["Config"], bool], str, tuple[str, ...]], ...] = (
    (
        lambda config: config.network == "gated",
        "to the network gated",
        ("contour", "contour_weight", "margin_weight", "encoder_dim", "encoder_layers"),
    ),
    (
        lambda config: config.network == "lstm",
        "to the network lstm",
        ("tune_weight", "tune_notes_weight", "leaning_weight", "dynamics_weight"),
    ),
    (lambda config: config.bottleneck != "vector", "but to a bottleneck vector", ("code_dim", "commitment_weight")),
    (lambda config: config.bottleneck != "integer", "but to a bottleneck integer", ("margin_weight",)),
    (
        lambda config: config.bottleneck == "none",
        "where there are no buttons",
        ("num_buttons", "encoder_dim", "encoder_layers"),
    ),
    (lambda config: config.contour == "none", "without a contour", ("contour_weight",)),
    (lambda config: not config.tune_share, "without a tune_share", ("tune_weight", "tune_notes_weight")),
)
"""When settings change nothing, in which words, and which."""


@dataclass(frozen=True)
class Config:
    """The settings of a run. The defaults are the paper's recipe, as its authors' PyTorch version sets it."""

    num_buttons: int = 8

    # The network
    network: str = "lstm"  # the paper's (model.py), or "gated": ours (gated.py)
    rnn_dim: int = 128  # channels of a layer (of a direction, in the paper's encoder)
    rnn_layers: int = 2
    encoder_dim: int = 0  # 0: as rnn_dim; a larger encoder costs nothing while playing
    encoder_layers: int = 0  # 0: as rnn_layers
    memories: int = 0  # heads of our own network's fast weights (fastweights.py); 0: none
    bottleneck: str = "integer"  # or "vector": codes that are learnt; or "none": no buttons, a language model
    code_dim: int = 64  # of the vector bottleneck
    with_delta_times: bool = True  # whether encoder and decoder are told them

    # The data
    window: int = 128  # notes
    batch_size: int = 32  # windows
    transpose_max: int = 6  # semitones, up and down
    stretch_max: float = 0.05  # a share of the time, slower and faster
    hand_share: float = 0.0  # the share of each batch whose buttons are a hand's (hands.py), not the encoder's

    tune_share: float = 0.0  # tunes made up (tunes.py) beside the windows, as a share of their number

    # The losses: weights beside the reconstruction's 1
    margin_weight: float = 1.0
    contour_weight: float = 1.0
    tune_weight: float = 0.05  # of the encoder's distance from the buttons that a person would tap
    tune_notes_weight: float = 0.5  # of a tune's note for the decoder, beside a performance's 1
    leaning_weight: float = 0.01  # of how far buttons are shared out otherwise than by what is expected (gated.py)
    dynamics_weight: float = 0.1  # of networks that expect velocities
    contour: str = "paper"  # or "none"
    commitment_weight: float = 0.25  # of the vector bottleneck

    # The optimiser
    optimiser: str = "adamw"  # or "muon" (muon.py), of our own network
    steps: int = 50_000
    lr: float = 3e-4
    warmup_steps: int = 0
    schedule: str = "constant"  # or "cosine": from lr down to nothing over the run
    gradient_clip: float = 1.0  # largest norm; 0: none
    beta2: float = 0.999  # of Adam
    dropout: float = 0.0  # of our own network's inner channels
    weight_decay: float = 0.0  # of both optimisers
    seed: int = 0

    # Looking at validation
    validate_every: int = 500  # steps

    def __post_init__(self) -> None:
        positive = ("code_dim", "rnn_dim", "rnn_layers", "batch_size", "steps", "lr", "validate_every")
        for name in positive:
            if not getattr(self, name) > 0:
                raise UserError(f"configuration: {name} must be over 0, not {getattr(self, name)}")
        for name in (
            "transpose_max",
            "stretch_max",
            "margin_weight",
            "contour_weight",
            "warmup_steps",
            "gradient_clip",
            "seed",
            "encoder_dim",
            "encoder_layers",
            "memories",
            "hand_share",
            "tune_share",
            "tune_weight",
            "tune_notes_weight",
            "leaning_weight",
            "weight_decay",
            "beta2",
            "dropout",
            "dynamics_weight",
            "commitment_weight",
        ):
            if not getattr(self, name) >= 0:
                raise UserError(f"configuration: {name} must be 0 or more, not {getattr(self, name)}")
        for name, most in _LARGEST.items():
            if getattr(self, name) > most:
                raise UserError(f"configuration: {name} must be at most {most}, not {getattr(self, name)}")
        if not 2 <= self.num_buttons <= 88:
            raise UserError(f"configuration: num_buttons must be in 2..88, not {self.num_buttons}")
        if self.window < 2:
            raise UserError(f"configuration: window must be 2 notes or more, not {self.window}")
        for name in ("stretch_max", "beta2", "dropout"):
            if getattr(self, name) >= 1:
                raise UserError(f"configuration: {name} must be under 1, not {getattr(self, name)}")
        if self.hand_share > 1:
            raise UserError(f"configuration: hand_share must be in 0..1, not {self.hand_share}")
        choices = {
            "optimiser": ("adamw", "muon"),
            "schedule": ("constant", "cosine"),
            "network": ("lstm", "gated"),
            "bottleneck": ("integer", "vector", "none"),
            "contour": ("paper", "none"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise UserError(f"configuration: {name} must be {' or '.join(known)}, not {getattr(self, name)!r}")
        for name, wanted in (("optimiser", "adamw"), ("dropout", 0), ("memories", 0), ("tune_share", 0)):
            if self.network != "gated" and getattr(self, name) != wanted:
                raise UserError(
                    f"configuration: {name} must be {wanted} for the network {self.network}, not {getattr(self, name)}"
                )
        if self.network != "gated" and round(self.hand_share * self.batch_size) >= self.batch_size:
            raise UserError(
                f"configuration: hand_share of {self.hand_share} leaves the encoder none of the {self.batch_size} "
                "windows of a batch to learn from; give a lower one"
            )
        if self.bottleneck != "integer":
            # Codes have no order, so that neither a contour nor a hand means anything to them.
            for name, wanted in (("network", "lstm"), ("contour", "none"), ("hand_share", 0)):
                if getattr(self, name) != wanted:
                    raise UserError(
                        f"configuration: {name} must be {wanted} for the bottleneck {self.bottleneck}, "
                        f"not {getattr(self, name)}"
                    )

    def as_dict(self) -> dict[str, Any]:
        """The settings by name, for JSON."""
        return dataclasses.asdict(self)

    def but(self, **settings: Any) -> "Config":
        """A copy with other settings. Raises UserError for a name that is none, or a value that does not fit."""
        return from_dict({**self.as_dict(), **settings})

    def asked_for(self, settings: dict[str, Any]) -> "Config":
        """As `but`, with what a person asks for. Raises UserError also for a setting that would change nothing."""
        changed = self.but(**settings)
        for is_so, where, names in _MEANS_NOTHING:
            for name in settings:
                if name in names and getattr(changed, name) != getattr(self, name) and is_so(changed):
                    raise UserError(f"configuration: {name} means nothing {where}; leave it out")
        return changed

    def rate(self, step: int, progress: float) -> float:
        """The learning rate of a step (from 0), at `progress` 0..1 through the run."""
        warm = min(1.0, (step + 1) / self.warmup_steps) if self.warmup_steps else 1.0
        fall = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))) if self.schedule == "cosine" else 1.0
        return self.lr * warm * fall


CONFIGURATIONS: dict[str, Config] = {
    "paper": Config(),
    # The other rows of the paper's first table (docs/training.md).
    "paper-no-dt": Config(with_delta_times=False),
    "paper-no-contour": Config(contour="none"),
    "paper-no-contour-no-dt": Config(contour="none", with_delta_times=False),
    "paper-vq": Config(bottleneck="vector", contour="none"),
    "paper-vq-no-dt": Config(bottleneck="vector", contour="none", with_delta_times=False),
    "paper-lm": Config(bottleneck="none", contour="none"),
    "paper-lm-no-dt": Config(bottleneck="none", contour="none", with_delta_times=False),
    # The instrument's own: quicker to learn, and it has met hands as well as its encoder.
    "genie": Config(
        network="gated",
        rnn_dim=160,
        rnn_layers=2,
        memories=3,
        window=160,
        batch_size=24,
        stretch_max=0.2,
        steps=14_000,
        hand_share=2 / 3,
        tune_share=1 / 4,
        contour="none",
        optimiser="muon",
        lr=3e-3,
        warmup_steps=100,
        schedule="cosine",
        beta2=0.98,
        weight_decay=0.1,
        dropout=0.1,
    ),
}


def named(name: str) -> Config:
    """A configuration by its name. Raises UserError, listing the names, for one that is not there."""
    if name not in CONFIGURATIONS:
        raise UserError(f"no configuration is called {name!r}; there are: {', '.join(CONFIGURATIONS)}")
    return CONFIGURATIONS[name]


def from_dict(settings: dict[str, Any], where: str = "configuration") -> Config:
    """A configuration from names and values; what is missing has its default. Raises UserError, naming `where`."""
    fields = {field.name: field.type for field in dataclasses.fields(Config)}
    unknown = sorted(set(settings) - set(fields))
    if unknown:
        raise UserError(f"{where}: unknown setting {unknown[0]!r}; there are: {', '.join(fields)}")
    values = {name: _as(fields[name], name, value, where) for name, value in settings.items()}
    try:
        return Config(**values)
    except UserError as error:
        raise UserError(f"{where}: {str(error).removeprefix('configuration: ')}") from error


def parse_settings(settings: Iterable[str]) -> dict[str, str]:
    """["lr=3e-3", ...] -> {"lr": "3e-3", ...}. Raises UserError for one without its "="."""
    pairs = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise UserError(f"--set {setting}: not of the form name=value")
        pairs[name.strip()] = value.strip()
    return pairs


def _as(kind: Any, name: str, value: Any, where: str) -> Any:
    kind = {"int": int, "float": float, "str": str, "bool": bool}.get(kind, kind)
    try:
        if kind is bool and not isinstance(value, bool):
            return {"true": True, "false": False}[str(value).lower()]
        if kind is int and not isinstance(value, str) and value != int(value):
            raise ValueError
        number = kind(value)
        if kind is float and not math.isfinite(number):
            raise ValueError
        return number
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{where}: {name} must be of type {kind.__name__}, not {value!r}") from error
