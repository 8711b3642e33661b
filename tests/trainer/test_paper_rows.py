"""The rows of the paper's first table: no bottleneck, vector codes, buttons in a row; contour, delta times."""

import dataclasses
import json

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner
from pianogenie_train import config, export, graphs, loop, losses, players, runs
from pianogenie_train.cli import train
from pianogenie_train.data import Prepared
from pianogenie_train.model import Autoencoder, keys_before
from pianogenie_train.quantiser import VectorQuantiser

from pianogenie.errors import UserError
from pianogenie.genie import Genie
from pianogenie.model import load_model

from .test_model import played, step_by_step

ROWS = [name for name in config.CONFIGURATIONS if name.startswith("paper")]
NOBODY = export.Provenance("x", "x", "x")


def settings(name: str, **changes) -> config.Config:
    return config.named(name).but(
        rnn_dim=8, batch_size=4, window=32, lr=0.01, code_dim=4, steps=2, validate_every=2, **changes
    )


def model_of(name: str, **changes) -> Autoencoder:
    torch.manual_seed(3)
    return Autoencoder(settings(name, **changes)).eval()


@pytest.fixture(scope="module")
def fitted(data, tmp_path_factory):
    """A run of two steps of each row."""
    folder = tmp_path_factory.mktemp("rows")
    for name in ROWS:
        loop.fit(loop.new_run(folder / name, settings(name), name, Prepared(data), ""), device="cpu")
    return folder


def test_every_row_has_a_configuration_with_and_without_delta_times():
    found = {(c.bottleneck, c.contour, c.with_delta_times) for c in (config.named(name) for name in ROWS)}
    bottlenecks = [("none", "none"), ("vector", "none"), ("integer", "none"), ("integer", "paper")]
    assert found == {(*b, times) for b in bottlenecks for times in (True, False)}
    for name in ROWS:  # a row differs from the paper's in nothing else
        assert config.named(name).but(bottleneck="integer", contour="paper", with_delta_times=True) == config.Config()


def vector_quantiser() -> VectorQuantiser:
    quantiser = VectorQuantiser(3, 2).eval()
    quantiser.codebook.data = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    return quantiser


def test_the_nearest_code_is_heard_and_its_gradient_passes_straight_through():
    quantiser = vector_quantiser()
    e = torch.tensor([[[0.1, 0.2], [0.6, 0.0], [0.0, 1.5], [9.0, 1.0]]], requires_grad=True)
    buttons, codes, values = quantiser(e)
    assert buttons.tolist() == [[0, 1, 2, 1]]
    assert codes.tolist() == [[[0, 0], [1, 0], [0, 2], [1, 0]]]
    assert torch.allclose(values, codes)
    assert quantiser.distances(e)[0, 1].tolist() == pytest.approx([0.6, 0.4, (0.36 + 4) ** 0.5])
    weights = torch.arange(8.0).reshape(1, 4, 2)
    (values * weights).sum().backward()
    assert torch.equal(e.grad, weights)
    assert quantiser.codebook.grad is None, "codes are moved by their own loss alone"


def test_codes_begin_where_the_encoders_outputs_are():
    quantiser = VectorQuantiser(4, 3)
    e = 5 + 0.01 * torch.randn(6, 10, 3)
    assert len(quantiser.train()(e).buttons.unique()) == 4
    assert (quantiser.codebook - 5).abs().max() < 0.1
    begun = quantiser.codebook.detach().clone()
    quantiser(e + 1)
    assert torch.equal(quantiser.codebook, begun), "once, and no more"
    again = VectorQuantiser(4, 3)
    again.load_state_dict(quantiser.state_dict())
    again.train()(e - 1)
    assert torch.equal(again.codebook, begun), "nor in a run that goes on"


def test_codebook_and_commitment_pull_towards_each_other():
    quantiser = vector_quantiser()
    e = torch.tensor([[[0.6, 0.0], [0.0, 1.5]]], requires_grad=True)
    codes = quantiser(e).codes
    # (1 - 0.6)^2 and (2 - 1.5)^2, over the four numbers
    for loss in (losses.codebook(e, codes), losses.commitment(e, codes)):
        assert loss.item() == pytest.approx((0.16 + 0.25) / 4)
    losses.codebook(e, codes).backward(retain_graph=True)
    assert e.grad is None
    # 2 (code - e) / 4; the code that nothing was near to stays
    assert quantiser.codebook.grad.flatten().tolist() == pytest.approx([0, 0, 0.2, 0, 0, 0.25])
    quantiser.codebook.grad = None
    losses.commitment(e, codes).backward()
    assert e.grad.flatten().tolist() == pytest.approx([-0.2, 0, 0, -0.25])
    assert quantiser.codebook.grad is None


@pytest.mark.parametrize(
    "name, names",
    [
        ("paper", {"reconstruction": 1, "margin": 1, "contour": 1}),
        ("paper-no-contour", {"reconstruction": 1, "margin": 1}),
        ("paper-vq", {"reconstruction": 1, "codebook": 1, "commitment": 0.25}),
        ("paper-lm", {"reconstruction": 1}),
    ],
)
def test_what_a_row_minimises(name, names, data):
    from pianogenie_train.data import RandomBatches

    run = config.named(name).but(rnn_dim=8, batch_size=2, window=16)
    batch = RandomBatches(Prepared(data), run).batch(0)
    terms = losses.terms(run, Autoencoder(run)(batch.keys, batch.delta_times), batch)
    assert {name: term.weight for name, term in terms.items()} == names
    assert all(torch.isfinite(term.value) for term in terms.values())


@pytest.mark.parametrize("name", ROWS)
def test_all_that_a_row_has_learns(name):
    model = model_of(name).train()
    keys, delta_times = (torch.from_numpy(a) for a in played(2, 40, 8)[:2])
    reading = model(keys, delta_times)
    reading.logits.square().mean().backward(retain_graph=True)
    if reading.codes is not None and reading.codes.requires_grad:
        losses.codebook(reading.e, reading.codes).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize("name", [*ROWS, "genie"])
def test_delta_times_are_heard_or_not(name):
    for with_delta_times in (True, False):
        player = players.TorchPlayer(model_of(name, with_delta_times=with_delta_times))
        keys, delta_times, buttons = played(2, 30, 8)
        others = np.where(delta_times > 0.1, 0.0, 1.0).astype(np.float32)
        same = np.array_equal(player.hear(keys, delta_times, buttons)[0], player.hear(keys, others, buttons)[0])
        assert same is not with_delta_times
        stepped = [step_by_step(player, keys, times, buttons) for times in (delta_times, others)]
        assert np.array_equal(*stepped) is not with_delta_times
        if player.can_encode:
            keys, delta_times = (torch.from_numpy(a) for a in (keys, delta_times))
            es = [_read(player.model, keys, times) for times in (delta_times, torch.from_numpy(others))]
            assert torch.equal(*es) is not with_delta_times


def _read(model: Autoencoder, keys: torch.Tensor, delta_times: torch.Tensor) -> torch.Tensor:
    """What the buttons are found by."""
    if model.encoder is not None:
        return model.encoder(keys, delta_times)
    return model.decoder.expect(keys_before(keys), delta_times).logits


@pytest.mark.parametrize("name", ROWS)
def test_decoding_step_by_step_is_decoding_whole_windows(name):
    player = players.TorchPlayer(model_of(name))
    window = played(3, 20, 8)
    assert np.abs(step_by_step(player, *window) - player.hear(*window)[0]).max() < 1e-5


def test_a_language_model_hears_no_buttons():
    player = players.TorchPlayer(model_of("paper-lm"))
    assert player.num_buttons == 0 and not player.can_encode
    keys, delta_times, buttons = played(2, 20, 8)
    assert np.array_equal(
        player.hear(keys, delta_times, buttons)[0], player.hear(keys, delta_times, np.zeros_like(buttons))[0]
    )
    reading = player.model(torch.from_numpy(keys), torch.from_numpy(delta_times))
    assert np.allclose(reading.logits.detach().numpy(), player.hear(keys, delta_times, buttons)[0], atol=1e-5)
    assert reading.e is None and reading.buttons is None


@pytest.mark.parametrize("name", ["paper-vq-no-dt", "paper-no-dt"])
def test_a_row_goes_on_where_it_stopped(fitted, data, tmp_path, name):
    loop.fit(loop.new_run(tmp_path / "straight", settings(name), name, Prepared(data), ""), device="cpu")
    again = loop.new_run(tmp_path / "twice", settings(name).but(steps=1), name, Prepared(data), "")
    loop.fit(again, device="cpu")
    resumed = loop.resumed_run(tmp_path / "twice", {"steps": 2}, name, Prepared(data), "")
    loop.fit(resumed, resume=True, device="cpu")
    ours, theirs = (runs.load_trained(tmp_path / which, "last").model.state_dict() for which in ("straight", "twice"))
    assert all(torch.equal(ours[weight], theirs[weight]) for weight in ours)
    with pytest.raises(UserError, match="its bottleneck is|its with_delta_times is"):
        runs.read_checkpoint(resumed.checkpoint("last"), settings("paper"))


def test_eval_prints_the_table(fitted, data):
    def said(*words) -> str:
        result = CliRunner().invoke(train, ["eval", *map(str, words)], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    rows = [line.split() for line in said(*(fitted / name for name in ROWS), data).splitlines()[1:]]
    assert rows[0] == ["ppl", "cvr", "gold", "hand", "ppl", "free", "cvr"]
    for name, (run, ppl, *others) in zip(ROWS, rows[1:], strict=True):
        assert run == str(fitted / name) and 1 < float(ppl) < 200
        assert len(others) == 4
        if config.named(name).bottleneck == "none":
            assert others == ["-"] * 4
        else:
            assert all(float(score) >= 0 for score in others)
    alone = said(fitted / "paper-lm", data)
    assert "cvr           none (a language model has no buttons)" in alone and "scales" not in alone
    found = json.loads(said(fitted / "paper-lm", fitted / "paper-vq", data, "--json"))
    assert [row["cvr"] is None for row in found] == [True, False]


@pytest.fixture(scope="module")
def exported(fitted, tmp_path_factory):
    """The row with the least to hear: what of it is exported as any other."""
    out = tmp_path_factory.mktemp("exported") / "model"
    facts = export.export(fitted / "paper-vq-no-dt", out, NOBODY, scored=False)
    assert facts["num_buttons"] == 8 and facts["export_difference"] <= 1e-4
    return out


def test_vector_codes_are_exported_as_any_buttons(fitted, exported):
    ours = players.TorchPlayer(runs.load_trained(fitted / "paper-vq-no-dt").model)
    theirs = players.FolderPlayer(load_model(exported))
    window = played(5, 40, 8)
    assert np.abs(ours.hear(*window)[0] - theirs.hear(*window)[0]).max() <= 1e-4
    assert (ours.encode(*window[:2]) == theirs.encode(*window[:2])).mean() > 0.99
    # What it does not hear is an input all the same: the instrument feeds it.
    inputs_of = {"decoder": ["prev_key", "delta_time", "button", "state"], "encoder": ["keys", "delta_times"]}
    for name, inputs in inputs_of.items():
        graph = onnx.load(exported / f"{name}.onnx").graph
        assert [value.name for value in graph.input] == inputs
        assert {node.domain for node in graph.node} <= {"", "ai.onnx"}


def test_the_instrument_plays_what_hears_no_delta_times(exported):
    slow, quick = (Genie(load_model(exported, with_encoder=False), seed=0) for _ in range(2))
    buttons = list(enumerate([0, 3, 7, 3, 4, 1] * 5))
    assert [slow.press(b, 2.0 * n) for n, b in buttons] == [quick.press(b, 0.01 * n) for n, b in buttons]


def test_encoders_that_differ_are_told_apart(fitted, exported, tmp_path, monkeypatch):
    decoder, encoder = (onnx.load(exported / f"{name}.onnx") for name in ("decoder", "encoder"))
    (codes,) = (tensor for tensor in encoder.graph.initializer if list(tensor.dims) == [4, 8])
    codes.CopyFrom(onnx.numpy_helper.from_array(-onnx.numpy_helper.to_array(codes), codes.name))
    monkeypatch.setattr(graphs, "decoder_graph", lambda model: decoder)
    monkeypatch.setattr(graphs, "encoder_graph", lambda model: encoder)
    with pytest.raises(UserError, match=r"encoder\.onnx: its buttons differ"):
        export.export(fitted / "paper-vq-no-dt", tmp_path / "model", NOBODY, scored=False)


def test_a_language_model_is_no_instrument(fitted, tmp_path):
    with pytest.raises(UserError, match="paper-lm: a language model, without buttons"):
        export.export(fitted / "paper-lm", tmp_path / "model", NOBODY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changes, fault",
    [
        ({"bottleneck": "vector"}, "contour must be none for the bottleneck vector"),
        ({"bottleneck": "none", "contour": "none", "hand_share": 0.5}, "hand_share must be 0"),
        ({"bottleneck": "vector", "contour": "none", "network": "gated"}, "network must be lstm"),
        ({"bottleneck": "tube"}, "bottleneck must be integer or vector or none"),
        ({"code_dim": 0}, "code_dim"),
        ({"with_delta_times": "maybe"}, "with_delta_times must be of type bool"),
    ],
)
def test_what_does_not_go_together_is_told(changes, fault):
    with pytest.raises(UserError, match=fault):
        config.Config().but(**changes)


def test_delta_times_are_a_setting_like_any_other():
    given = config.parse_settings(["with_delta_times=False"])
    assert config.named("genie").but(**given).with_delta_times is False


def test_a_run_from_before_these_settings_still_opens(small_run, tmp_path):
    """Neither its config.json nor its checkpoint names them."""
    facts = json.loads((small_run / "config.json").read_text())
    new = {"bottleneck", "code_dim", "with_delta_times", "commitment_weight"}
    facts["config"] = {name: value for name, value in facts["config"].items() if name not in new}
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "config.json").write_text(json.dumps(facts))
    checkpoint = torch.load(small_run / "checkpoints" / "last.ckpt", weights_only=True)
    checkpoint["pianogenie"]["config"] = facts["config"]
    torch.save(checkpoint, tmp_path / "checkpoints" / "last.ckpt")
    before, after = runs.load_trained(small_run, "last"), runs.load_trained(tmp_path, "last")
    assert dataclasses.asdict(after.run.config) == dataclasses.asdict(before.run.config)
    assert after.model.state_dict().keys() == before.model.state_dict().keys()
