"""Profiles: those that ship are whole; a stranger's file gives a profile or one clear line."""

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from pianogenie import midi_ports
from pianogenie.cli import info
from pianogenie.errors import UserError
from pianogenie.midi_ports import Port
from pianogenie.profiles import Profile, find_profile, load_profile, profile_names, profile_of_port


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / f"piano{len(list(tmp_path.iterdir()))}.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_those_that_ship_can_be_read():
    assert {"disklavier", "general-midi", "soft-synth"} <= set(profile_names())
    for name in profile_names():
        assert find_profile(name)[0] == name


def test_a_disklavier_is_what_yamaha_says_it_is():
    profile = find_profile("disklavier")[1]
    assert profile.keys == (21, 108)
    assert {64, 66, 67, 120, 123} <= set(profile.controllers)
    assert profile.active_sensing and profile.pedal == "continuous" and profile.restrike_ms > 0


@pytest.mark.parametrize(
    ("port", "profile"),
    [
        ("Disklavier:Disklavier MIDI 1 20:0", "disklavier"),
        ("Yamaha ENSPIRE", "disklavier"),
        ("FLUID Synth (1234):Synth input port 128:0", "soft-synth"),
        ("fluidsynth-midi:midi_00", "soft-synth"),
        ("Microsoft GS Wavetable Synth 0", "general-midi"),
        ("listener:in", "none"),
    ],
)
def test_a_port_gets_its_profile_by_its_name(port, profile):
    assert profile_of_port(port)[0] == profile


def test_devices_says_which_profile_a_port_gets(monkeypatch):
    ports = [Port(3, 0, "Disklavier MIDI 1"), Port(3, 1, "listener:in")]
    monkeypatch.setattr(midi_ports, "list_ports", lambda inputs=False: ports)
    monkeypatch.setattr(info, "_gamepads", list)
    monkeypatch.setattr(info, "_audio_outputs", list)
    said = CliRunner().invoke(info.devices).output.splitlines()
    assert said[1].endswith(", sounds after 30 to 160 ms, profile disklavier") and "profile" not in said[2]


def test_an_unknown_profile_is_told_with_those_that_there_are():
    with pytest.raises(UserError, match="nothing: no such profile; there are disklavier,"):
        find_profile("nothing")


def test_a_file_of_ones_own_is_found(file):
    path = file("channel = 5\n[velocity]\nfloor = 30\n")
    name, profile = find_profile(str(path))
    assert (name, profile.channel, profile.velocities()[1]) == (path.stem, 5, 30)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UserError, match="gone.toml: cannot be read"):
        find_profile(str(tmp_path / "gone.toml"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("channel = 1\nchanel = 2\n", "line 2: chanel: no such entry; did you mean channel?"),
        ("\n\nchannel = 17\n", "line 3: channel: 17 is not in 1..16"),
        ("channel = true\n", "line 1: channel: true is not a whole number"),
        ("keys = [60, 65]\n", "line 1: keys: .*an octave or more apart"),
        ("keys = [60, 72, 80]\n", "line 1: keys: "),
        ('pedal = "half"\n', "line 1: pedal: .*continuous, switch, none"),
        ("restrike_ms = nan\n", "line 1: restrike_ms: "),
        ("shortest_note_ms = -1\n", "line 1: shortest_note_ms: -1"),
        ("[velocity]\nfloor = 90\nceiling = 80\n", "line 3: velocity.ceiling: 80 is less than the floor"),
        ("channel = 1\n[velocity]\ncurve = [[1, 1], [1, 127]]\n", "line 3: velocity.curve: its points do not rise"),
        ("[velocity]\ncurve = [[1, 1, 1], [2, 2]]\n", "line 2: velocity.curve"),
        ("[velocity]\ncurve = []\n", "line 2: velocity.curve"),
        ("velocity = 3\n", "line 1: velocity: 3 is not a table"),
        ("channel = \n", "not TOML .*line 1"),
        (b"\xff\xfe", "not TOML"),
        ("a = " + "[" * 5000, "not TOML"),
        ("channel = " + "1" * 5000, "not TOML"),
        (b" " * (17 << 10), "larger than 16 KiB"),
        ("channel = 1\n" + "a." * 8000 + "a = 1\n", "line 2: more dots"),
        ("[" + "a." * 8000 + "a]\n", "line 1: more dots"),
        ("".join(f"[{'.'.join('a' * i)}]\n" for i in range(1, 120)), "line 34: more dots"),
        ("".join(f"k{i} = 1\n" for i in range(1000)), "line 1: k0: no such entry"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(file, text, complaint):
    path = file(text)
    with pytest.raises(UserError, match=complaint) as caught:
        load_profile(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


names = st.sampled_from(
    ("channel", "keys", "most_keys", "restrike_ms", "longest_note_s", "pedal", "ports", "controllers", "velocity", "x")
)
values = st.sampled_from(
    (
        *("1", "-1", "0", "1e400", "nan", "[]", "[21, 108]", "[[1, 2], [3, 4]]", '"switch"', '"\\u0000"', "true"),
        *("{}", "[{}]", "{floor = 3}", "2020-01-01", "99999999999999999999", "'''\n'''"),
    )
)


@settings(max_examples=150, deadline=None)
@given(lines=st.lists(st.one_of(st.tuples(names, values).map(" = ".join), st.text(max_size=20)), max_size=6))
def test_any_file_gives_a_profile_or_one_clear_line(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("p") / "p.toml"
    path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
    try:
        profile = load_profile(path)
    except UserError as error:
        assert str(error).startswith(str(path))
    else:
        assert isinstance(profile, Profile) and len(profile.pitches()) == 88
        assert all(1 <= velocity <= 127 for velocity in profile.velocities()[1:])
