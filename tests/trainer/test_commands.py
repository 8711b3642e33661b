"""The commands in a row, as a person types them."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from pianogenie_train.cli import train

from pianogenie.errors import UserError


def run(*words: object) -> str:
    result = CliRunner().invoke(
        train, [str(word) for word in words], prog_name="pianogenie train", catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.stdout


def test_prepare_fit_eval_export_in_a_row(collection, tmp_path):
    data, out, model = tmp_path / "data", tmp_path / "run", tmp_path / "models" / "mine"
    said = run("prepare", collection, "--out", data, "--jobs", 1)
    assert "5 files, 1,500 notes" in said and "files left out: 0" in said and "files/s" in said

    said = run(
        "fit",
        data,
        "--out",
        out,
        "--config",
        "paper",
        "--buttons",
        6,
        "--steps",
        3,
        "--set",
        "rnn_dim=16",
        "--batch",
        4,
        "--device",
        "cpu",
    )
    assert "step 3" in said and "validation ppl" in said

    of_run = json.loads(run("eval", out, data, "--json"))
    assert 1 < of_run["ppl"] < 100
    said = run("export", out, "--out", model, "--data-licence", "CC0-1.0", "--weights-licence", "CC0-1.0")
    assert "6 buttons" in said and "pianogenie play" in said

    of_model = json.loads(run("eval", model, data, "--json"))
    assert of_model["ppl"] == pytest.approx(of_run["ppl"], rel=1e-3)
    table = run("eval", model, data)
    for name in ("ppl", "cvr", "gold", "hand ppl", "free cvr", "scales"):
        assert name in table
    recipe = json.loads((model / "model.json").read_text())["recipe"]
    assert [command.split()[2] for command in recipe["commands"]] == ["prepare", "fit", "export"]
    assert "--buttons 6" in recipe["commands"][1]


@pytest.mark.parametrize(
    "words, fault",
    [
        (["prepare", "nowhere", "--out", "x"], "nowhere"),
        (["fit", "nowhere", "--out", "x"], "nowhere"),
        (["fit", "nowhere", "--out", "x", "--set", "colour=red"], "colour"),
        (["fit", "nowhere", "--out", "x", "--config", "big"], "big"),
        (["fit", "nowhere", "--out", "x", "--set", "contour=paper"], "contour"),
        (["new", "nowhere", "--name", "x", "--set", "margin_weight=2"], "margin_weight"),
        (["bench", "--config", "paper", "--set", "tune_share=0.25"], "tune_share"),
        (["export", "nowhere", "--out", "x"], "nowhere"),
        (["report", "nowhere", "x"], "nowhere"),
        (["bench", "nowhere"], "nowhere"),
        (["new", "nowhere", "--name", "x", "--set", "colour=red"], "colour"),
    ],
)
def test_faults_are_one_line_that_names_them(words, fault):
    with pytest.raises(UserError, match=fault) as caught:
        CliRunner().invoke(train, words, catch_exceptions=False)
    assert "\n" not in str(caught.value)


def test_help_needs_no_torch():
    program = (
        "import sys\n"
        "for name in ('torch', 'lightning', 'symusic', 'onnx'): sys.modules[name] = None\n"
        "from pianogenie_train.cli import train\n"
        "train(['fit', '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "--resume" in done.stdout
