"""Importing what is no checkpoint, a broken one, or a hostile one: one line that says it, and nothing left behind."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from pianogenie_train.importing.folder import import_model

from pianogenie.errors import UserError

from . import peers


def fails(source: Path, out: Path, *said: str, **options) -> None:
    """One line that says it, and nothing left behind."""
    before = sorted(out.parent.rglob("*"))
    with pytest.raises(UserError) as error:
        import_model(source, out, **options)
    assert "\n" not in str(error.value)
    for words in said:
        assert words in str(error.value)
    assert sorted(out.parent.rglob("*")) == before


def test_what_is_no_checkpoint(tmp_path):
    magenta = peers.write_magenta(tmp_path / "magenta", peers.magenta_weights())
    fails(tmp_path / "nowhere", tmp_path / "out", "no such file")
    (tmp_path / "empty").mkdir()
    fails(tmp_path / "empty", tmp_path / "out", "not a Piano Genie checkpoint")
    (tmp_path / "song.mid").write_bytes(b"MThd")
    fails(tmp_path / "song.mid", tmp_path / "out", "not a Piano Genie checkpoint")
    fails(magenta, tmp_path / "out", "--name", name="two\nlines")


def test_a_broken_magenta_checkpoint(tmp_path):
    def broken(*said, manifest=None, shard=None, **weights):
        source = peers.write_magenta(tmp_path / "src", peers.magenta_weights() | weights)
        for name, change in (("weights_manifest.json", manifest), ("group1-shard1of1", shard)):
            if change is not None:
                data = change((source / name).read_bytes())
                (source / name).unlink() if data is None else (source / name).write_bytes(data)
        fails(source, tmp_path / "out", *said)

    kernel = f"{peers.DECODER}pitches/dense/kernel"
    broken("group1-shard1of1: cut short", shard=lambda data: data[:-4])
    broken("group1-shard1of1: too long", shard=lambda data: data + b"\0\0\0\0")
    broken("group1-shard1of1: cannot be read", shard=lambda data: None)
    broken("not JSON", manifest=lambda data: data[:50])
    broken("not a manifest", manifest=lambda data: b"{}")
    broken("not a manifest", manifest=lambda data: b'[{"paths": 3}]')
    broken("uint8", manifest=lambda data: data.replace(b"float32", b"uint8", 1))
    broken(
        "pitches/dense/kernel is missing", manifest=lambda data: data.replace(b"pitches/dense/k", b"pitches/dense/x")
    )
    for path in (b"../group1-shard1of1", b"/etc/hostname", b"sub/shard", b"..", b"half\\ud800"):
        broken("only files beside", manifest=lambda data, path=path: data.replace(b"group1-shard1of1", path))
    broken("cannot be read", manifest=lambda data: data.replace(b"group1-shard1of1", b"long" * 100))
    broken("has the shape", manifest=lambda data: data.replace(b"[123, 5]", b"[123, 99999999999]"))
    broken("has the shape", manifest=lambda data: data.replace(b"[123, 5]", b"[-123, -5]"))
    broken("has shape [5, 87], not [5, 88]", **{kernel: np.zeros((5, 87), "<f4")})
    broken("not finite", **{kernel: np.full((5, 88), np.nan, "<f4")})
    broken("not part of", **{"phero_model/encoder/x": np.zeros(3, "<f4")})


def test_a_shard_that_is_a_link_out_of_the_folder(tmp_path):
    source = peers.write_magenta(tmp_path / "src", peers.magenta_weights())
    (source / "group1-shard1of1").rename(tmp_path / "elsewhere")
    (source / "group1-shard1of1").symlink_to(tmp_path / "elsewhere")
    fails(source, tmp_path / "out", "leads out of the folder")


def test_a_broken_pytorch_checkpoint(tmp_path):
    weights = peers.tutorial_weights()
    source = peers.write_tutorial(tmp_path / "src", weights)
    model = source / "model.pt"
    whole = model.read_bytes()

    def broken(content, *said):
        if isinstance(content, bytes):
            model.write_bytes(content)
        else:
            torch.save(content, model)
        fails(source, tmp_path / "out", *said)

    tensors = {name: torch.from_numpy(w) for name, w in weights.items()}
    broken(whole[: len(whole) // 2], "model.pt: cut short")
    broken(b"", "model.pt: cut short")
    broken(whole.replace(b"dec.input.bias", b"dec.inXut.bias"), "model.pt")  # the zip's own checksum fails
    broken([1, 2], "not a state dict")
    broken({"state": tensors}, "not a tensor by name")
    broken({k: v for k, v in tensors.items() if k != "dec.output.bias"}, "dec.output.bias is missing")
    broken(tensors | {"extra": torch.zeros(2)}, "'extra' is not part of")
    broken(tensors | {"dec.output.bias": torch.zeros(87)}, "has shape [87], not [88]")
    broken(tensors | {"dec.output.bias": torch.zeros(1).expand(10**12)}, "has shape [1000000000000]")
    broken(tensors | {"dec.output.bias": torch.zeros(88).half()}, "not a plain float32")
    broken(tensors | {"dec.output.bias": torch.full((88,), torch.inf)}, "not finite")
    model.unlink()
    fails(source, tmp_path / "out", "not a Piano Genie checkpoint")


class Evil:
    """A pickle that does something."""

    def __reduce__(self):
        return os.mkdir, ("pwned",)


def test_a_pickle_that_is_more_than_tensors_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = peers.write_tutorial(tmp_path / "src", peers.tutorial_weights())
    torch.save({"dec.input.bias": Evil()}, source / "model.pt")
    fails(source, tmp_path / "out", "holds more than tensors")
    (source / "model.pt").write_bytes(pickle.dumps(Evil()))
    fails(source, tmp_path / "out", "not a file that torch.save wrote")


def test_a_zip_that_would_fill_the_memory_is_not_opened(tmp_path):
    source = peers.write_tutorial(tmp_path / "src", peers.tutorial_weights())
    with zipfile.ZipFile(source / "model.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(65 << 20))
    fails(source, tmp_path / "out", "unfolds to more than")


@pytest.mark.parametrize(
    "setting",
    [
        {"num_buttons": 1},
        {"num_buttons": True},
        {"model_rnn_dim": 10**9},
        {"model_rnn_num_layers": 2.0},
        {"data_delta_time_max": "1"},
    ],
)
def test_a_configuration_that_cannot_be(tmp_path, setting):
    source = peers.write_tutorial(tmp_path / "src", peers.tutorial_weights(), **setting)
    fails(source, tmp_path / "out", f"cfg.json: {next(iter(setting))} is")


def test_configuration_and_weights_that_do_not_belong_together(tmp_path):
    source = peers.write_tutorial(tmp_path / "src", peers.tutorial_weights(), model_rnn_num_layers=1)
    fails(source, tmp_path / "out", "model.pt", "is not part of")
    (source / "cfg.json").unlink()
    fails(source, tmp_path / "out", "cfg.json: cannot be read")


def test_bad_input_is_one_line_and_exit_status_2(tmp_path, monkeypatch, capsys):
    from pianogenie.cli import main

    monkeypatch.setattr("sys.argv", ["pianogenie", "models", "import", "nowhere", "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2 and len(capsys.readouterr().err.strip().splitlines()) == 1
