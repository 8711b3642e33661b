"""One step of training, and one look at validation, as a LightningModule."""

import math
import re
import time
from typing import Any

import lightning as L
import torch

from pianogenie.errors import UserError
from pianogenie_train import losses, ranks
from pianogenie_train.config import Config
from pianogenie_train.data import Batch
from pianogenie_train.model import Autoencoder
from pianogenie_train.muon import Muon


class Training(L.LightningModule):
    """The autoencoder with its losses and optimiser.

    `minutes` bounds the time in training, over all resumptions; the schedule then runs over whichever of steps
    and minutes is nearer to its end. `status` holds what a progress display shows.
    """

    def __init__(self, config: Config, minutes: float | None = None):
        super().__init__()
        self.config, self.minutes = config, minutes
        self.model = Autoencoder(config)
        self.status: dict[str, float] = {}
        self.notes_per_s = 0.0
        self._seconds_before = 0.0  # in training, before this process resumed it
        self._began: float | None = None

    # --- training

    def training_step(self, batch: Batch, _index: int) -> torch.Tensor:
        batch = Batch(*batch)
        by_hand = len(batch.hands)
        reading = self.model.learn_from(batch)
        terms = losses.terms(self.config, reading, batch)
        loss = sum(term.weight * term.value for term in terms.values())
        parts = {"loss": loss, "ppl": terms.pop("reconstruction").value}
        parts |= {name: term.value for name, term in terms.items()}
        if 0 < by_hand < len(batch.keys):
            with torch.no_grad():  # apart: what the encoder's buttons are worth, and what hands' are
                parts["hand ppl"] = losses.reconstruction(reading.logits[:by_hand], batch.keys[:by_hand])
                parts["ppl"] = losses.reconstruction(reading.logits[by_hand:], batch.keys[by_hand:])
        values = torch.stack([part.detach() for part in parts.values()]).tolist()  # off the GPU at one go
        shown = dict(zip(parts, ranks.mean(*values), strict=True))
        if not math.isfinite(shown["loss"]):  # in any process
            raise self._diverged("the loss")
        shown |= {name: losses.perplexity(nats) for name, nats in shown.items() if "ppl" in name}
        self.status.update(shown)
        self.log_dict({f"train/{name.replace(' ', '_')}": value for name, value in shown.items()})
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        config = self.config
        settings = {"lr": config.lr, "betas": (0.9, config.beta2), "weight_decay": config.weight_decay}
        matrices = list(self.model.decoder.matrices()) if config.optimiser == "muon" else []
        turned = {id(matrix) for matrix, _ in matrices}
        others = [p for p in self.parameters() if id(p) not in turned]
        # What is one number a channel has no business to shrink: of how long it remembers, nought is a single note.
        groups = [
            {"params": [p for p in others if p.ndim > 1]},
            {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
        ]
        return Muon(matrices, groups, **settings) if matrices else torch.optim.AdamW(groups, **settings)

    def configure_gradient_clipping(self, optimizer: torch.optim.Optimizer, *_: Any, **__: Any) -> None:
        """Clip, and stop before a broken gradient reaches the weights, so that checkpoints stay good."""
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), self.config.gradient_clip or math.inf)
        if not torch.isfinite(norm):
            raise self._diverged("the gradient")
        self.log("train/gradient", norm.detach())

    def on_train_start(self) -> None:
        self._began = time.perf_counter()

    def on_train_batch_start(self, _batch: Batch, _index: int) -> None:
        self._step_began = time.perf_counter()
        if self.config.dropout:  # drawn anew for each step and process, so that a run that is resumed draws the same
            torch.manual_seed((self.config.seed << 40 | self.global_step << 10 | ranks.rank()) % 2**63)
        rate = self.config.rate(self.global_step, self.progress())
        for group in self.optimizers().param_groups:
            group["lr"] = rate
        self.log("train/lr", rate)

    def on_train_batch_end(self, _outputs: Any, batch: Batch, _index: int) -> None:
        speed = ranks.world() * batch[0].numel() / (time.perf_counter() - self._step_began)
        self.notes_per_s = speed if not self.notes_per_s else 0.95 * self.notes_per_s + 0.05 * speed
        self.status["notes/s"] = self.notes_per_s
        self.log("train/notes_per_s", speed)
        if self.progress() >= 1:
            self.trainer.should_stop = True

    def progress(self) -> float:
        """How much of the run is over, from 0 to 1. Of several processes, all must ask: they go by one clock."""
        by_steps = self.global_step / self.config.steps
        return max(by_steps, ranks.largest(self.seconds())[0] / (60 * self.minutes)) if self.minutes else by_steps

    def seconds(self) -> float:
        """Time in training so far, validation included, over all resumptions."""
        return self._seconds_before + (time.perf_counter() - self._began if self._began is not None else 0.0)

    def _diverged(self, what: str) -> UserError:
        return UserError(
            f"step {self.global_step}: {what} is not finite; the last good checkpoint, if there is one, is kept. Train "
            "again with a lower --lr or a longer --warmup"
        )

    # --- validation

    def on_validation_epoch_start(self) -> None:
        self._validation, self._by_hand = Tally(), Tally()

    def validation_step(self, batch: Batch, _index: int) -> None:
        batch = Batch(*batch)
        reading = self.model(batch.keys, batch.delta_times)
        self._validation.add(batch, reading.buttons, reading.logits)
        if len(batch.hands):
            self._by_hand.add(batch, None, self.model.hear(batch.keys, batch.delta_times, batch.hands)[0])

    def on_validation_epoch_end(self) -> None:
        """Raises UserError where a perplexity is not finite: training may go on long after it has diverged."""
        self._validation.gather()
        found = {"val/ppl": self._validation.ppl}
        nats = math.log(self._validation.ppl)
        if self._validation.cvr is not None:
            found["val/cvr"] = self._validation.cvr
        if self.config.hand_share:
            self._by_hand.gather()
            found["val/hand_ppl"] = self._by_hand.ppl
            nats += self.config.hand_share * (math.log(self._by_hand.ppl) - nats)
        if not math.isfinite(nats):  # in all processes: they have counted together
            raise self._diverged("validation's perplexity")
        self.status.update({re.sub("[/_]", " ", name): value for name, value in found.items()})
        found["val/nats"] = nats
        if not self.trainer.sanity_checking:
            self.log_dict(found)

    # --- checkpoints

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["pianogenie"] = {"config": self.config.as_dict(), "minutes": self.seconds() / 60}

    def fits_optimiser(self, checkpoint: dict[str, Any]) -> bool:
        """Whether a checkpoint's optimiser has the groups of parameters that ours has; earlier trainers had others."""
        groups = (state["param_groups"] for state in checkpoint.get("optimizer_states", []))
        ours = self.configure_optimizers().param_groups
        return [len(group["params"]) for group in next(groups, [])] == [len(group["params"]) for group in ours]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self._seconds_before = 60 * checkpoint["pianogenie"]["minutes"]


class Tally:
    """Adds up perplexity and contour violations over batches of whole windows."""

    def __init__(self) -> None:
        self._nats = self._wrong = 0.0
        self._notes = self._steps = 0

    def add(self, batch: Batch, buttons: torch.Tensor | None, logits: torch.Tensor) -> None:
        """Count a batch [B, N] with the encoder's `buttons` [B, N], if any, and the decoder's `logits` [B, N, 88]."""
        self._nats += losses.reconstruction(logits, batch.keys).item() * batch.keys.numel()
        self._notes += batch.keys.numel()
        if buttons is None:
            return
        against = buttons.diff(dim=1).sign() * batch.keys.diff(dim=1).sign() < 0
        self._wrong += against.sum().item()
        self._steps += against.numel()

    def gather(self) -> None:
        """Count what the other processes have counted, too."""
        counts = self._nats, self._notes, self._wrong, self._steps
        self._nats, self._notes, self._wrong, self._steps = ranks.total(*counts)

    @property
    def ppl(self) -> float:
        return losses.perplexity(self._nats / self._notes)

    @property
    def cvr(self) -> float | None:
        """None of a model without buttons."""
        return self._wrong / self._steps if self._steps else None
