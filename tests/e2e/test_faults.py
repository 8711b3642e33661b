"""Faults before the first note: said in one line, and nothing is begun."""

import subprocess

import pytest

from tests.e2e.programs import PIANOGENIE, quiet_environment

WHOLE = '[play]\nmodel = "classical"\nmidi_out = ["a",\n "b"]\nrecord_dir = "music"\n'


@pytest.mark.parametrize("cut", [WHOLE.index(mark) + 1 for mark in ("play", '"classical', '"a', '"b', '"music')])
def test_a_settings_file_cut_in_half_is_named_with_its_line(tmp_path, cut):
    file = tmp_path / "pianogenie.toml"
    file.write_text(WHOLE[:cut])
    environment = quiet_environment(tmp_path, PIANOGENIE_CONFIG=str(file))
    done = subprocess.run(
        [*PIANOGENIE, "play", "--headless", "--no-sound"], env=environment, capture_output=True, text=True, timeout=60
    )
    line = WHOLE[:cut].count("\n") + 1
    assert done.returncode == 2 and done.stderr.startswith(f"pianogenie: {file}: line {line}: ")
    assert done.stderr.count("\n") == 1
    assert file.read_text() == WHOLE[:cut] and [path.name for path in tmp_path.iterdir() if path.is_file()] == [
        file.name
    ]
