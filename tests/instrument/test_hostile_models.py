"""Model folders from strangers: no custom code, no other files, no endless work, no endless memory."""

import hashlib
import json
import time

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from pianogenie import graphfile, guarded
from pianogenie.errors import UserError
from pianogenie.model import load_model
from tests.toymodel import write_model


def rewritten(folder, data):
    """The model folder with this as its decoder, its checksum put right."""
    (folder / "decoder.onnx").write_bytes(data)
    card = json.loads((folder / "model.json").read_text())
    card["sha256"]["decoder.onnx"] = hashlib.sha256(data).hexdigest()
    (folder / "model.json").write_text(json.dumps(card))
    return folder


def changed(folder, change):
    model = onnx.load(folder / "decoder.onnx")
    change(model)
    return rewritten(folder, model.SerializeToString())


def refused(folder, said):
    with pytest.raises(UserError) as error:
        load_model(folder)
    assert str(error.value).startswith(str(folder / "decoder.onnx")) and "\n" not in str(error.value)
    assert said in str(error.value), error.value


def before_logits(graph, *nodes, **constants):
    """Put nodes into the graph whose last output, `extra` [1], is added to the logits."""
    for name, value in constants.items():
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    last = next(node for node in graph.node if "logits" in node.output)
    last.output[:] = ["logits_before" if name == "logits" else name for name in last.output]
    graph.node.extend([*nodes, helper.make_node("Add", ["logits_before", "extra"], ["logits"])])


@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "/etc/hostname"])
def test_numbers_in_another_file(tmp_path, monkeypatch, location):
    folder = write_model(tmp_path / "m")
    (folder / "weights.bin").write_bytes(b"\0" * 64)
    monkeypatch.chdir(folder)

    def change(model):
        tensor = TensorProto(name="extra", data_type=TensorProto.FLOAT, dims=[1])
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", location), ("length", "4")):
            tensor.external_data.add(key=key, value=value)
        before_logits(model.graph)
        model.graph.initializer.append(tensor)

    refused(changed(folder, change), "another file")


@pytest.mark.parametrize("where", ["a dimension", "an output's name", "metadata"])
def test_texts_that_are_no_utf_8(tmp_path, where):
    folder = write_model(tmp_path / "m")
    model = onnx.load(folder / "decoder.onnx")
    if where == "a dimension":
        model.graph.input[3].type.tensor_type.shape.dim[1].dim_param = "QQQQ"
    elif where == "metadata":
        model.metadata_props.add(key="made by", value="QQQQ")
    else:
        last = helper.make_node("Identity", [model.graph.output[0].name], ["QQQQ"])
        model.graph.node.append(last)
        model.graph.output.append(helper.make_tensor_value_info("QQQQ", TensorProto.FLOAT, None))
    data = model.SerializeToString()
    refused(rewritten(folder, data.replace(b"QQQQ", b"\xc2QQQ")), "decode")


def test_operators_that_are_not_standard_ones(tmp_path):
    def change(model):
        model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        before_logits(model.graph, helper.make_node("Gelu", ["one_value"], ["extra"], domain="com.microsoft"))

    refused(changed(write_model(tmp_path / "m"), change), "'com.microsoft'")


def test_functions_of_its_own(tmp_path):
    def change(model):
        body = [helper.make_node("Neg", ["x"], ["y"])]
        opsets = [helper.make_opsetid("", 17)]
        model.functions.append(helper.make_function("", "Mine", ["x"], ["y"], body, opsets))

    refused(changed(write_model(tmp_path / "m"), change), "functions")


def test_a_loop_without_an_end(tmp_path):
    def change(model):
        flow = [helper.make_tensor_value_info(name, kind, []) for name, kind in (("i", 7), ("go", 9))]
        still = helper.make_tensor_value_info("still", 9, [])
        body = helper.make_graph([helper.make_node("Identity", ["go"], ["still"])], "body", flow, [still])
        before_logits(model.graph, helper.make_node("Loop", ["", "yes"], ["extra"], body=body), yes=np.array(True))

    refused(changed(write_model(tmp_path / "m"), change), "Loop")


def test_more_nodes_than_a_model_has_use_for(tmp_path, monkeypatch):
    monkeypatch.setattr(graphfile, "MAX_NODES", 40)

    def change(model):
        before_logits(model.graph, *(helper.make_node("Neg", ["x"], [f"n{i}"]) for i in range(50)))

    refused(changed(write_model(tmp_path / "m"), change), "more than 40 nodes")


def test_graphs_within_graphs_within_graphs(tmp_path):
    def change(model):
        node = helper.make_node("Neg", ["x"], ["y"])
        for _ in range(20):
            node = helper.make_node("If", ["c"], ["y"], then_branch=helper.make_graph([node], "g", [], []))
        before_logits(model.graph, node)

    refused(changed(write_model(tmp_path / "m"), change), "nested")


def test_texts(tmp_path):
    def change(model):
        before_logits(model.graph, helper.make_node("Constant", [], ["extra"], value_string="a" * 1000))

    refused(changed(write_model(tmp_path / "m"), change), "texts")


def test_numbers_that_would_fill_the_memory(tmp_path):
    """A few bytes that ask for 8 GiB."""

    def change(model):
        shape = np.array([2 << 30], np.int64)
        nodes = [helper.make_node("ConstantOfShape", ["shape"], ["huge"])]
        nodes += [helper.make_node("ReduceSum", ["huge"], ["extra"], keepdims=1)]
        before_logits(model.graph, *nodes, shape=shape)

    refused(changed(write_model(tmp_path / "m"), change), "does not run as a decoder")


def test_a_step_that_takes_too_long(tmp_path, monkeypatch):
    """A few hundred bytes that ask for minutes: the product of large matrices, again and again."""
    monkeypatch.setattr("pianogenie.guarded.PATIENCE_S", 0.2)

    def change(model):
        nodes = [helper.make_node("ConstantOfShape", ["shape"], ["m0"])]
        nodes += [helper.make_node("MatMul", [f"m{i}", f"m{i}"], [f"m{i + 1}"]) for i in range(2000)]
        nodes += [helper.make_node("ReduceMax", ["m2000"], ["peak"], keepdims=0)]
        nodes += [helper.make_node("Unsqueeze", ["peak", "nought"], ["extra"])]
        before_logits(model.graph, *nodes, shape=np.array([1000, 1000]), nought=np.array([0]))

    began = time.process_time()
    refused(changed(write_model(tmp_path / "m"), change), "it takes more than")
    assert time.process_time() - began < 5


@pytest.mark.parametrize("word", [b"num_buttons", b"logits", b"prev_key"])
def test_names_that_are_no_text(tmp_path, word):
    folder = write_model(tmp_path / "m")
    data = (folder / "decoder.onnx").read_bytes()
    refused(rewritten(folder, data.replace(word, b"\xff" * len(word))), "")


def test_what_ships_is_far_from_every_limit():
    from pianogenie.model import shipped_models

    for folder in shipped_models():
        for name in ("decoder.onnx", "encoder.onnx"):
            if (folder / name).exists():
                look = graphfile._Look((folder / name).read_bytes(), loops=True)
                look.model()
                assert look._nodes < graphfile.MAX_NODES / 10 and look._read < graphfile.MAX_FIELDS / 10
    assert guarded.MAX_MEMORY_BYTES < 1 << 30


@settings(max_examples=60)
@given(data=st.data())
def test_a_decoder_with_a_few_bytes_changed_is_played_or_refused(tmp_path_factory, data):
    folder = write_model(tmp_path_factory.mktemp("m") / "m")
    graph = bytearray((folder / "decoder.onnx").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        graph[data.draw(st.integers(0, len(graph) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(0, len(graph)))
    try:
        load_model(rewritten(folder, bytes(graph[:cut])))
    except UserError as error:
        assert str(error).startswith(str(folder)) and "\n" not in str(error)
