"""Ports by name: found, told apart, opened as meant, missed and taken back. Without a MIDI system: a fake rtmidi."""

from types import SimpleNamespace

import pytest

from pianogenie import midi_ports
from pianogenie.errors import UserError
from pianogenie.midi_ports import Port, find_port, list_ports, open_port
from pianogenie.port_watcher import PortWatcher


class FakeSystem:
    """What is plugged in, a list of names a backend; and how often each list was asked for."""

    def __init__(self):
        self.names = {1: [], 3: []}
        self.down = set()
        self.before_opening = lambda: None
        self.opened = []
        self.living = 0

    def client(self, api, name=None):
        if api in self.down:
            raise midi_ports.rtmidi.RtMidiError("no server")
        return FakeClient(self, api)


class FakeClient:
    def __init__(self, system, api):
        self.system, self.api = system, api
        system.living += 1

    def get_ports(self):
        return [] if self.api in self.system.down else list(self.system.names[self.api])

    def open_port(self, index, name=None):
        self.system.before_opening()
        self.system.before_opening = lambda: None
        self.system.opened.append(self.system.names[self.api][index])

    def delete(self):
        self.system.living -= 1


@pytest.fixture
def system(monkeypatch):
    fake = FakeSystem()
    monkeypatch.setattr(midi_ports.rtmidi, "MidiOut", fake.client)
    monkeypatch.setattr(midi_ports.rtmidi, "MidiIn", fake.client)
    monkeypatch.setattr(midi_ports.rtmidi, "get_compiled_api", lambda: [1, 3])
    monkeypatch.setattr(midi_ports.rtmidi, "get_api_display_name", lambda api: {1: "ALSA", 3: "Jack"}[api])
    return fake


def test_a_part_of_the_name_in_any_case_is_enough(system):
    system.names[1] = ["Midi Through 14:0", "Disklavier MIDI 1 20:0"]
    assert find_port("disklavier") == Port(1, 1, "Disklavier MIDI 1 20:0")


def test_the_whole_name_comes_before_a_part_of_another(system):
    system.names[1] = ["synth", "synth two"]
    assert find_port("synth").index == 0


def test_two_backends_with_a_port_of_one_name_are_told_apart_by_the_backend(system):
    system.names = {1: ["Disklavier"], 3: ["Disklavier", "other"]}
    with pytest.raises(UserError, match="several MIDI outputs match.*ALSA.*Jack"):
        find_port("disklavier")
    assert find_port("Disklavier (JACK)").api == 3
    assert find_port("diskl (alsa)").api == 1
    assert find_port("other (jack)").index == 1


def test_our_own_ports_are_no_piano(system):
    """What "piano" found was the genie itself, which then played what it heard itself play."""
    system.names = {1: ["Pianogenie:in 130:0", "Digital Piano"], 3: ["Pianogenie:in"]}
    assert find_port("piano").name == "Digital Piano"
    system.names[1].pop()
    with pytest.raises(UserError, match="no such MIDI output"):
        find_port("piano")
    assert find_port("pianogenie (jack)").api == 3, "who asks for it gets it"


def test_two_ports_of_one_name_on_one_backend_are_numbered(system):
    system.names[1] = ["USB MIDI", "USB MIDI"]
    assert [p.name for p in list_ports()] == ["USB MIDI", "USB MIDI #2"]
    assert find_port("USB MIDI #2").index == 1


def test_what_is_not_there_is_said_with_what_is(system):
    system.names[1] = ["synth"]
    with pytest.raises(UserError, match="organ: no such MIDI input; there are: “synth”"):
        find_port("organ", inputs=True)


def test_a_port_that_moves_up_the_list_while_it_is_opened_is_opened_still(system):
    system.names[1] = ["drum machine", "piano"]
    system.before_opening = lambda: system.names[1].insert(0, "just plugged in")
    _client, port = open_port("piano")
    assert (port.name, port.index) == ("piano", 2)
    assert system.opened[-1] == "piano"
    assert system.living == 1


def test_a_port_that_goes_while_it_is_opened_is_said(system):
    system.names[1] = ["piano"]
    with pytest.raises(UserError, match="organ: the MIDI output went away"):
        open_port(Port(1, 0, "organ"))
    assert system.living == 0


class Watch:
    def __init__(self, system, port):
        self.said, self.heard, self.takes = [], [], True
        self.watcher = PortWatcher(self.said.append, every_s=0)
        self.watched = self.watcher.watch(port, lambda: self.heard.append("gone"), self.back)

    def back(self, port):
        self.heard.append(port)
        return self.takes


def test_a_port_that_goes_and_comes_back_is_noticed_each_time_once(system):
    system.names[1] = ["piano", "other"]
    watch = Watch(system, Port(1, 0, "piano"))
    watch.watcher.look()
    assert watch.heard == []
    system.names[1] = ["other"]
    watch.watcher.look()
    watch.watcher.look()
    assert watch.heard == ["gone"]
    system.names[1] = ["other", "piano"]
    watch.watcher.look()
    watch.watcher.look()
    assert watch.heard == ["gone", Port(1, 1, "piano")]
    assert [line.split(";")[0] for line in watch.said] == ["lost piano", "piano is back"]
    watch.watcher.close()
    assert system.living == 0


def test_a_device_is_known_again_under_its_new_number_unless_two_could_be_it(system):
    system.names[1] = ["Disklavier MIDI 1 20:0"]
    watch = Watch(system, Port(1, 0, "Disklavier MIDI 1 20:0"))
    system.names[1] = ["Disklavier MIDI 1 24:0", "Disklavier MIDI 1 25:0"]
    watch.watcher.look()
    watch.watcher.look()
    assert watch.heard == ["gone"]
    system.names[1] = ["Disklavier MIDI 1 25:0"]
    watch.watcher.look()
    assert watch.heard[-1].name == "Disklavier MIDI 1 25:0"


def test_what_cannot_be_opened_yet_is_tried_again(system):
    system.names[1] = ["piano"]
    watch = Watch(system, Port(1, 0, "piano"))
    system.names[1] = []
    watch.watcher.look()
    system.names[1], watch.takes = ["piano"], False
    watch.watcher.look()
    watch.takes = True
    watch.watcher.look()
    watch.watcher.look()
    assert len(watch.heard) == 3 and watch.said[-1] == "piano is back"


def test_a_server_that_ends_and_begins_anew_is_asked_anew(system):
    system.names[3] = ["synth"]
    watch = Watch(system, Port(3, 0, "synth"))
    watch.watcher.look()
    system.down = {3}
    watch.watcher.look()
    system.down = set()
    watch.watcher.look()
    watch.watcher.look()
    assert watch.heard == ["gone", Port(3, 0, "synth")]


def test_a_port_that_refuses_though_listed_is_gone_and_back(system):
    system.names[1] = ["piano"]
    watch = Watch(system, Port(1, 0, "piano"))
    watch.watched.broke()
    watch.watcher.look()
    watch.watcher.look()
    assert watch.heard == ["gone", Port(1, 0, "piano")]


def test_a_port_that_is_not_there_yet_is_waited_for_by_a_part_of_its_name(system):
    watch = Watch(system, Port(1, 0, "other"))
    system.names[1] = ["other"]
    watch.watcher.watch("PIANO", lambda: watch.heard.append("gone"), watch.back)
    watch.watcher.look()
    system.names[3] = ["my piano", "piano two"]
    watch.watcher.look()
    assert watch.heard == []
    system.names[3] = ["my piano"]
    watch.watcher.look()
    assert watch.heard == [Port(3, 0, "my piano")] and watch.said == ["my piano is there"]
    system.names[3] = []
    watch.watcher.look()
    assert watch.heard[-1] == "gone"


def test_a_server_that_is_new_between_two_looks_is_one_that_went(system):
    system.names[3] = ["synth"]
    watch = Watch(system, Port(3, 0, "synth"))
    watch.watcher._listers[3, False]._failed = True
    watch.watcher.look()
    watch.watcher.look()
    assert watch.heard == ["gone", Port(3, 0, "synth")]


def test_a_port_of_our_own_goes_with_its_server_and_is_opened_again_on_the_next(system):
    system.names[3] = ["synth"]
    own = Port(3, midi_ports.OWN, "Pianogenie")
    watch = Watch(system, own)
    watch.watcher.look()
    assert watch.heard == [], "it is in no list of ports to play on"
    system.down = {3}
    watch.watcher.look()
    watch.watcher.look()
    assert watch.heard == ["gone"]
    system.down = set()
    watch.watcher.look()
    watch.watcher.look()
    assert watch.heard == ["gone", own]
    assert [line.split(";")[0] for line in watch.said] == ["lost Pianogenie (virtual)", "Pianogenie (virtual) is back"]


def test_two_names_never_lead_to_the_same_port(system):
    system.names[1] = []
    watch, other = Watch(system, Port(1, 0, "other")), []
    watch.watcher.watch("piano", lambda: other.append("gone"), lambda port: not other.append(port.name))
    watch.watcher.watch("piano one", lambda: other.append("gone"), lambda port: not other.append(port.name))
    watch.watcher.watch("one", lambda: None, lambda port: True, inputs=True)
    system.names[1] = ["piano one"]
    for _ in range(3):
        watch.watcher.look()
    assert other == ["piano one"]
    (line,) = [line for line in watch.said if "in use" in line]
    assert line.startswith("piano one: piano one is in use already, by another name")
    system.names[1] = ["piano one", "piano two"]
    watch.watcher.look()
    assert other == ["piano one"], "the second name does not fit what is free"


def test_what_refuses_is_left_alone_for_a_while(system, monkeypatch):
    now = [50.0]
    monkeypatch.setattr("pianogenie.port_watcher.time", SimpleNamespace(monotonic=lambda: now[0]))
    system.names[1] = ["piano"]
    watch = Watch(system, Port(1, 0, "piano"))
    watch.watcher._again_s = 0.5
    watch.takes = False
    watch.watched.broke()
    for _ in range(20):
        watch.watcher.look()
        now[0] += 0.1
    assert watch.heard[0] == "gone" and 3 <= len(watch.heard) <= 5
