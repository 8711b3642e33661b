"""Checkpoints from strangers: whatever a file holds under the right names, it is read or refused in one line."""

import io
import zipfile

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pianogenie_train import runs
from pianogenie_train.config import Config
from pianogenie_train.model import Autoencoder

from pianogenie.errors import UserError

CONFIG = Config(rnn_dim=4, rnn_layers=1)


@pytest.fixture(scope="module")
def good():
    weights = {f"model.{name}": tensor for name, tensor in Autoencoder(CONFIG).state_dict().items()}
    return {"state_dict": weights, "pianogenie": {"config": CONFIG.as_dict(), "minutes": 1.0}, "global_step": 3}


def refused(path, said=""):
    with pytest.raises(UserError) as error:
        runs.read_checkpoint(path, CONFIG)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value) and said in str(error.value)


odd = st.recursive(
    st.none() | st.integers(-5, 5) | st.text(max_size=3) | st.just(torch.zeros(2)) | st.just(float("nan")),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2) | st.integers(), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=80)
@given(where=st.sampled_from(["", "state_dict", "pianogenie", "global_step", "config", "minutes", "tensor"]), value=odd)
def test_whatever_it_holds_it_is_read_or_refused(tmp_path_factory, good, where, value):
    held = {**good, "state_dict": dict(good["state_dict"]), "pianogenie": dict(good["pianogenie"])}
    if where in ("config", "minutes"):
        held["pianogenie"][where] = value
    elif where == "tensor":
        held["state_dict"][next(iter(good["state_dict"]))] = value
    else:
        held = value if not where else held | {where: value}
    path = tmp_path_factory.mktemp("c") / "last.ckpt"
    torch.save(held, path)
    try:
        read = runs.read_checkpoint(path, CONFIG)
    except UserError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)
    else:
        Autoencoder(CONFIG).load_state_dict({n.removeprefix("model."): w for n, w in read["state_dict"].items()})


def test_a_pickle_that_would_run_code_is_not_run(tmp_path, good):
    class Runs:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save({**good, "pianogenie": Runs()}, tmp_path / "last.ckpt")
    refused(tmp_path / "last.ckpt", "damaged, or not a checkpoint")
    assert not (tmp_path / "ran").exists()


def test_a_zip_that_unfolds_to_more_than_memory_holds_is_not_unfolded(tmp_path, good, monkeypatch):
    monkeypatch.setattr(runs, "MAX_CHECKPOINT_BYTES", 1 << 20)
    buffer = io.BytesIO()
    torch.save(good, buffer)
    path = tmp_path / "last.ckpt"
    with zipfile.ZipFile(buffer) as whole, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        for entry in whole.infolist():
            data = whole.read(entry)
            bomb.writestr(entry.filename, data if "data/0" not in entry.filename else b"\0" * (64 << 20))
    assert path.stat().st_size < 1 << 20
    refused(path, "unfolds to more than 1 MiB")
