"""Model folders: what is good is read, what is bad is named in one line."""

import json

import numpy as np
import pytest

from pianogenie.errors import UserError
from pianogenie.keys import FIRST_DELTA_TIME_S, NO_KEY
from pianogenie.model import find_model, load_model
from tests.toymodel import button_key, write_model


def test_a_step_of_a_batch_gives_each_row_its_own_answer(toy_model):
    decoder = load_model(toy_model).decoder
    buttons = np.array([0, 3, 7], np.int64)
    logits, state, velocity = decoder.step(
        np.full(3, NO_KEY, np.int64), np.full(3, FIRST_DELTA_TIME_S, np.float32), buttons, decoder.zero_state(3)
    )
    assert logits.shape == (3, 88) and state.shape == (3, decoder.state_size) and velocity is None
    assert logits.argmax(1).tolist() == [button_key(b) for b in buttons]


@pytest.mark.parametrize("buttons", [2, 4, 10])
def test_other_numbers_of_buttons(tmp_path, buttons):
    assert load_model(write_model(tmp_path / "m", buttons)).num_buttons == buttons


def test_optional_velocity_is_seen(tmp_path):
    decoder = load_model(write_model(tmp_path / "m", velocity=True)).decoder
    assert decoder.takes_velocity and decoder.gives_velocity


def _edit_card(folder, **changes):
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


FAULTS = {
    "no card": (lambda f: (f / "model.json").unlink(), "model.json"),
    "no decoder": (lambda f: (f / "decoder.onnx").unlink(), "decoder.onnx"),
    "card cut in half": (lambda f: (f / "model.json").write_text('{"format": "pianog'), "not JSON"),
    "card is bytes": (lambda f: (f / "model.json").write_bytes(b"\xff\xfe\x00"), "not JSON"),
    "card is deep": (lambda f: (f / "model.json").write_text("[" * 100_000), "not JSON"),
    "card is a list": (lambda f: (f / "model.json").write_text("[]"), "JSON object"),
    "later format": (lambda f: _edit_card(f, format="pianogenie-model/2"), "pianogenie-model/2"),
    "no format": (lambda f: _edit_card(f, format=None), "format None"),
    "no buttons": (lambda f: _edit_card(f, num_buttons=0), "num_buttons is 0"),
    "buttons that differ": (lambda f: _edit_card(f, num_buttons=6), "made for 8 buttons"),
    "no name": (lambda f: _edit_card(f, name=""), "no name"),
    "a name with a line's end": (lambda f: _edit_card(f, name="a\nb"), "cannot be shown"),
    "a name cut in half": (lambda f: _edit_card(f, name="\ud800"), "cannot be shown"),
    "checksum": (lambda f: _edit_card(f, sha256={"decoder.onnx": "0" * 64}), "checksum"),
    "decoder cut in half": (
        lambda f: (f / "decoder.onnx").write_bytes((f / "decoder.onnx").read_bytes()[:500]),
        "checksum",
    ),
    "wrong width": (lambda f: write_model(f, num_logits=64), "(2, 64)"),
    "velocities that are no numbers": (lambda f: write_model(f, velocity=True, softest=float("nan")), "not finite"),
    "a single row is not enough": (
        lambda f: write_model(f, metadata={"single_row_inputs": "prev_key delta_time state"}),
        "next_state (1, 4) should be (2, 88) and (2, 4)",
    ),
    "missing input": (lambda f: write_model(f, drop_input="delta_time"), "delta_time is missing"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_line_that_names_the_file(tmp_path, fault):
    folder = write_model(tmp_path / "m")
    break_it, said = FAULTS[fault]
    break_it(folder)
    with pytest.raises(UserError) as error:
        load_model(folder)
    assert said in str(error.value) and str(folder) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_decoder_that_is_no_graph(tmp_path):
    import hashlib

    folder = write_model(tmp_path / "m")
    junk = b"not a graph at all"
    (folder / "decoder.onnx").write_bytes(junk)
    _edit_card(folder, sha256=hashlib.sha256(junk).hexdigest())
    with pytest.raises(UserError, match="not a graph"):
        load_model(folder)


def test_a_bare_name_is_the_model_that_ships_whatever_lies_here(tmp_path, monkeypatch):
    shipped = write_model(tmp_path / "models" / "classical")
    monkeypatch.setattr("pianogenie.model.models_dir", lambda: tmp_path / "models")
    (tmp_path / "here" / "classical").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert find_model("classical") == shipped
    assert find_model("./classical").samefile(tmp_path / "here" / "classical")


def test_ones_own_models_have_names_too_but_cannot_take_that_of_one_that_ships(tmp_path, monkeypatch):
    monkeypatch.setattr("pianogenie.model.models_dir", lambda: tmp_path / "shipped")
    monkeypatch.setattr("pianogenie.model.own_models_dir", lambda: tmp_path / "own")
    shipped = write_model(tmp_path / "shipped" / "classical")
    write_model(tmp_path / "own" / "classical")
    mine = write_model(tmp_path / "own" / "mine")
    write_model(tmp_path / "own" / ".half-written")
    assert find_model("mine") == mine
    assert find_model("classical") == shipped
    with pytest.raises(UserError, match="at hand are: classical, mine "):
        find_model(".half-written")


@pytest.mark.parametrize("name", ["~nosuchperson", "a" * 5000, "..", ""])
def test_odd_names_are_refused_like_others(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError):
        load_model(name)


def test_a_missing_model_lists_those_at_hand():
    with pytest.raises(UserError, match="nosuch: no such model; the ones at hand are"):
        find_model("nosuch")


def test_a_name_cannot_climb_out_of_the_models_folder():
    with pytest.raises(UserError, match="no such model"):
        find_model("../tests-that-are-not-there")
