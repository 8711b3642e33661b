"""An installed wheel works outside the checkout, with its models and assets inside it."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import mido
import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", out, CHECKOUT],
        check=True,
        timeout=300,
    )
    (path,) = out.glob("*.whl")
    return path


def test_the_wheel_holds_models_samples_and_licences(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert "pianogenie/models/classical/decoder.onnx" in names
    assert any(n.startswith("pianogenie/assets/piano/") and n.endswith(".ogg") for n in names)
    assert any(n.startswith("pianogenie/assets/piano/") and "LICEN" in n.upper() for n in names)
    assert "pianogenie/models/LICENSE.md" in names
    assert {"pianogenie_train/cli/fit.py", "pianogenie_train/page/page.html"} <= set(names)
    assert not any(n.startswith(("tests/", "train/")) for n in names)


def test_it_plays_from_another_directory(wheel, tmp_path):
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel],
        check=True,
        timeout=120,
    )
    # The wheel's folder comes before the checkout's on the path; the dependencies are the venv's own.
    environment = {**os.environ, "PYTHONPATH": str(site)}
    where = [sys.executable, "-c", "import pianogenie; print(pianogenie.__file__)"]
    found = subprocess.run(where, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stdout
    assert str(site) in found
    result = subprocess.run(
        [sys.executable, "-m", "pianogenie", "demo", "--seconds", "20", "--out", "d.mid", "--out", "d.wav"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    assert sum(m.type == "note_on" for m in mido.MidiFile(tmp_path / "d.mid")) >= 40
    assert (tmp_path / "d.wav").stat().st_size > 1_000_000
