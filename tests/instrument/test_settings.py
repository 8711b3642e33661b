"""The settings file: read, refused with a line, written to without a comment lost."""

import os
from dataclasses import dataclass, field

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from pianogenie.errors import UserError
from pianogenie.settings import create, entry, load, remember, settings_path
from pianogenie.settings.lines import lines_of
from pianogenie.settings.schema import Wrong, read


@pytest.fixture
def file(tmp_path):
    return tmp_path / "pianogenie.toml"


def test_without_a_file_the_defaults_count(file):
    settings, origin = load(file)
    assert settings.play.model == "classical" and settings.play.sound and origin.path == file
    assert not file.exists()


def test_what_stands_in_the_file_counts(file):
    file.write_text('[play]\ntemperature = 1\nmidi_out = ["a", "b"]\nsound = false\n')
    settings, origin = load(file)
    assert settings.play.temperature == 1.0 and settings.play.midi_out == ("a", "b") and not settings.play.sound
    assert origin.has(("play",), "sound") and origin.line(("play",), "sound") == 4
    assert not origin.has(("play",), "model")


@pytest.mark.parametrize(
    "text, said",
    [
        ('[play]\n\nmodl = "x"', "line 3: play.modl: no such entry; did you mean model?"),
        ("\n[player]\nx = 1", "line 2: player: no such entry; did you mean play?"),
        ("[play]\ntemperature = 1.5", "line 2: play.temperature: 1.5 is not in 0..1"),
        ("[play]\ntemperature = nan", "line 2: play.temperature: nan is not in 0..1"),
        ("[play]\ntemperature = true", "line 2: play.temperature: true is not a number"),
        ('[play]\nsound = "no"', 'line 2: play.sound: "no" is not true or false'),
        ('[play]\nmidi_out = "x"', 'line 2: play.midi_out: "x" is not a list, such as ["x"]'),
        ('[play]\nmidi_out = [\n  "x",\n  "",\n]', "line 2: play.midi_out: it is empty"),
        ('[play]\ndynamics = "fixed:128"', 'line 2: play.dynamics: "fixed:128" is none of input, genie, fixed:N'),
        ("play = 3", "line 1: play: 3 is not a table"),
        ("play.temperature = 7", "line 1: play.temperature: 7"),
        ("play = {temperature = 7}", "line 1: play.temperature: 7"),
        (
            '# """\n[play]\ndynamics = "genie" # = [\nmodel = """\na = 1\n"""\ntemperature = 7',
            "line 7: play.temperature",
        ),
        ('[play]\nmodel = "cut', "line 2: not TOML"),
        ("[play]\nsound = true\n[play", "line 3: not TOML"),
        ("[play]\nsound = true\nsound = true\n", 'line 3: not TOML (Key "sound" already exists.)'),
        ("[play]\nsound = true\n\nmidi_out = [{a = 1, a = 2}]", 'line 4: not TOML (Key "a" already exists.)'),
        ("[midi.pads]\nnotes = [36, 40, 36]", "line 2: midi.pads.notes: 36 stands there twice"),
        ('[gamepad."A pad"]\nbuttons = []', 'line 2: gamepad."A pad".buttons: it is empty'),
        (b"[play]\nmodel = '\xff'", "line 2: not UTF-8"),
    ],
)
def test_what_is_unknown_or_wrong_is_named_with_its_line(file, text, said):
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError) as raised:
        load(file)
    assert str(raised.value).startswith(f"{file}: {said}") and "\n" not in str(raised.value)


@given(cut=st.integers(0, 200))
def test_a_file_cut_in_half_is_read_or_refused_and_never_overwritten(tmp_path_factory, cut):
    file = tmp_path_factory.mktemp("s") / "pianogenie.toml"
    whole = '# mine\n[play]\nmodel = "classical"  # dear\nmidi_out = [\n  "a",\n  "b",\n]\nrecord_dir = """x"""\n'
    file.write_text(whole[:cut])
    try:
        load(file)
    except UserError as error:
        assert str(error).startswith(f"{file}: line ")
        with pytest.raises(UserError):
            remember(("play",), {"sound": False}, file)
        assert file.read_text() == whole[:cut] and os.listdir(file.parent) == [file.name]
    else:
        remember(("play",), {"sound": False}, file)
        assert not load(file)[0].play.sound and file.read_text().startswith(whole[: min(cut, 13)].rstrip("\n"))


def test_what_is_remembered_keeps_the_comments_and_all_else(file):
    file.write_text("# mine\n[play] # here\ntemperature = 0.3 # warm\nsound = true\n\n# the end\n")
    assert remember(("play",), {"model": "x", "sound": None}, file) == file
    text = file.read_text()
    for comment in ("# mine\n[play] # here\n", "temperature = 0.3 # warm\n", "# the end\n"):
        assert comment in text
    settings, origin = load(file)
    assert settings.play.model == "x" and not origin.has(("play",), "sound")


def test_the_first_thing_remembered_makes_a_commented_file(file):
    remember(("play",), {"temperature": 0.5}, file)
    assert load(file)[0].play.temperature == 0.5
    assert file.read_text().startswith("# Pianogenie's settings")


def test_what_would_be_wrong_is_not_remembered(file):
    with pytest.raises(UserError, match=r"play\.temperature: 7"):
        remember(("play",), {"temperature": 7.0}, file)
    assert not file.exists()


def test_a_link_stays_a_link(file, tmp_path):
    real = tmp_path / "dotfiles" / "genie.toml"
    real.parent.mkdir()
    real.write_text("[play]\nsound = false\n")
    file.symlink_to(real)
    remember(("play",), {"model": "x"}, file)
    assert file.is_symlink() and "model" in real.read_text()


def test_a_created_file_explains_everything_and_changes_nothing(file):
    create(file)
    assert load(file)[0] == load(file.parent / "none.toml")[0]
    # Uncommented, every line of it is good.
    lines = [line.removeprefix("# ") for line in file.read_text().splitlines()]
    assert all(f"\n{name} = " in "\n".join(lines) for name in ("model", "temperature", "dynamics", "record_dir"))
    with pytest.raises(UserError, match="there already"):
        create(file)


def test_the_variable_names_the_file(monkeypatch, file):
    monkeypatch.setenv("PIANOGENIE_CONFIG", str(file))
    assert settings_path() == file and settings_path("x.toml").name == "x.toml"


@dataclass(frozen=True)
class Pad:
    buttons: tuple[int, ...] = entry((), low=0, high=9)
    pedal: str | None = entry(None)


@dataclass(frozen=True)
class All:
    pad: dict[str, Pad] = field(default_factory=dict)


def test_tables_by_name():
    assert read(All, {"pad": {"A [1]": {"buttons": [1, 2]}}}) == All({"A [1]": Pad((1, 2))})
    with pytest.raises(Wrong) as raised:
        read(All, {"pad": {"A": {"buttons": [10]}}})
    assert raised.value.path == ("pad", "A", "buttons")
    text = '[pad."A [1]"] # "\nbuttons = [1,\n 2]\npedal = "a=b"\n[pad.B]\n\'pedal\' = ""\n'
    lines = lines_of(text)
    assert lines["pad", "A [1]", "pedal"] == 4 and lines["pad", "B"] == 5 and lines["pad", "B", "pedal"] == 6


keys = st.text("ab c.\"='#[]\\\n", min_size=1, max_size=4)
simple = st.text("ab\"'#[]{}=\n\\", max_size=6) | st.integers() | st.booleans()
values = st.recursive(simple, lambda inner: st.lists(inner, max_size=3), max_leaves=4)


@given(tables=st.dictionaries(keys, st.dictionaries(keys, values, max_size=3), max_size=3))
def test_every_entry_of_any_file_has_its_line(tables):
    text = tomlkit.dumps(tables)
    lines = lines_of(text)
    for table, entries in tables.items():
        for key in entries:
            line = lines[table, key]
            start = text.split("\n", line - 1)[-1]
            assert start.startswith(tomlkit.dumps({key: 0}).removesuffix("= 0\n"))


@given(st.binary(max_size=60) | st.text("[]play.=\"'#{},\n 1tru", max_size=60).map(str.encode))
def test_a_hostile_file_gives_settings_or_one_line(tmp_path_factory, data):
    file = tmp_path_factory.mktemp("s") / "pianogenie.toml"
    file.write_bytes(data)
    try:
        load(file)
    except UserError as error:
        assert str(error).startswith(str(file)) and "\n" not in str(error)


def test_a_key_of_a_thousand_parts_is_refused_before_it_is_read(file):
    file.write_text("[play]\n" + "a." * 10_000 + "a = 1\n")
    with pytest.raises(UserError, match="line 2: more dots"):
        load(file)
