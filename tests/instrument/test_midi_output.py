"""A MIDI output as a whole, on a client that only listens: its thread, its close, its comings and goings."""

import threading
import time

import pytest

from pianogenie import midi_ports
from pianogenie.errors import UserError
from pianogenie.events import NoteOff, NoteOn, Pedal, Press
from pianogenie.genie import Genie
from pianogenie.heartbeat import Heartbeat
from pianogenie.link import Link
from pianogenie.midi_ports import Port
from pianogenie.model import load_model
from pianogenie.outputs import midi_line, midi_port
from pianogenie.outputs.midi_line import MidiLine
from pianogenie.outputs.midi_port import MidiPortOutput
from pianogenie.performer import Performer
from pianogenie.port_watcher import PortWatcher
from pianogenie.profiles import Profile


class Client:
    """A rtmidi client that keeps what it is given."""

    def __init__(self):
        self.messages, self.open, self.broken = [], True, False
        self.arrived = threading.Condition()

    def send_message(self, message):
        assert self.open, "sent to a port that is closed"
        if self.broken:
            raise midi_ports.rtmidi.RtMidiError("unplugged")
        with self.arrived:
            self.messages.append(tuple(message))
            self.arrived.notify_all()

    def wait_for(self, condition):
        with self.arrived:
            assert self.arrived.wait_for(condition, 10), self.messages

    def close_port(self):
        self.open = False

    def delete(self):
        self.open = False

    def notes(self):
        return [m for m in self.messages if m[0] & 0xE0 == 0x80]


def on(key, velocity=64):
    return NoteOn(key, velocity, 0, 0.0)


def test_without_a_profile_it_is_three_bytes_straight_out_and_no_thread():
    client, before = Client(), threading.active_count()
    output = MidiPortOutput(MidiLine(client), "port")
    assert threading.active_count() == before
    for event in (on(39, 77), Pedal(33, 0.0), NoteOff(39, 0.0)):
        output.send(event)
    assert client.messages == [(0x90, 60, 77), (0xB0, 64, 33), (0x80, 60, 64)]
    output.close()


def test_what_was_put_off_is_sent_by_its_thread():
    client = Client()
    output = MidiPortOutput(MidiLine(client), "port", Profile(restrike_ms=20, longest_note_s=1))
    for event in (on(39), NoteOff(39, 0.0), on(39, 90)):
        output.send(event)
    client.wait_for(lambda: (0x90, 60, 90) in client.messages)
    client.wait_for(lambda: len(client.notes()) == 4)  # and let go when it was held for too long
    output.close()
    assert client.notes() == [(0x90, 60, 64), (0x80, 60, 64), (0x90, 60, 90), (0x80, 60, 64)]


def test_active_sensing_goes_on_until_the_close_and_ends_after_the_last_note_off():
    client = Client()
    output = MidiPortOutput(MidiLine(client), "port", Profile(active_sensing=True))
    output.send(on(39))
    client.wait_for(lambda: client.messages.count((0xFE,)) >= 3)
    output.close()
    count = len(client.messages)
    assert client.messages.index((0x80, 60, 64)) > 0
    time.sleep(3 * midi_port.SENSING_EVERY_S)
    assert len(client.messages) == count and not output._thread.is_alive()


def test_closing_lets_go_of_what_was_put_off_and_nothing_comes_after(monkeypatch):
    client = Client()
    output = MidiPortOutput(MidiLine(client), "port", Profile(restrike_ms=50, shortest_note_ms=200))
    for event in (on(39), NoteOff(39, 0.0), on(40), Pedal(127, 0.0)):
        output.send(event)
    output.close()
    output.send(on(41))
    output.close()
    *before, pedal, all_off = client.messages
    assert sorted(before) == sorted(
        [(0x90, 60, 64), (0x90, 61, 64), (0xB0, 64, 127), (0x80, 60, 64), (0x80, 61, 64), (0xB0, 64, 0)]
    )
    assert (pedal, all_off) == ((0xB0, 64, 0), (0xB0, 123, 0))


class Heart(Heartbeat):
    """Of a server that stands still unless it is told to beat; how long it was waited for is kept."""

    def __init__(self):
        self.beats, self.waits = 7, []

    def count(self):
        return self.beats

    def wait(self, beats, seconds, **_options):
        self.waits.append(seconds)
        return False


def linked(heart):
    link = Link()
    link.heartbeat = heart
    return link


def test_a_server_that_stands_still_is_waited_for_left_to_the_system_and_said():
    client, heart = Client(), Heart()
    output = MidiPortOutput(MidiLine(client, linked(heart)), "port", Profile(controllers=(64,)))
    output.send(on(39))
    output.close()
    assert sum(seconds > 1 for seconds in heart.waits) == 1, "once is enough"
    assert client.messages[-1] == (0xB0, 64, 0), "All Notes Off is nothing to this instrument"
    assert client.open, "python-rtmidi would wait for the server, and everything with it"
    assert "may have taken nothing" in output.trouble


@pytest.fixture
def plugged(monkeypatch):
    """An output on a port that is watched, its clients, one after another, and the watcher, which looks when told."""
    clients, listed = [Client()], ["piano"]
    monkeypatch.setattr(midi_line, "open_port", lambda wanted: (clients[-1], Port(1, 0, "piano")))
    said = []
    watcher = PortWatcher(said.append, every_s=0)
    monkeypatch.setattr(watcher, "_list", lambda api, inputs: [Port(1, i, n) for i, n in enumerate(listed)])
    output = MidiPortOutput.open("piano", Profile(), watcher)
    return output, clients, listed, watcher, said


def test_a_port_pulled_in_mid_chord_is_announced_and_taken_back_with_its_state_put_right(plugged):
    output, clients, listed, watcher, said = plugged
    for event in (on(39), on(43), Pedal(100, 0.0)):
        output.send(event)
    listed.clear()
    watcher.look()
    assert output.missing and not clients[0].open and said[-1].startswith("lost piano")
    for event in (NoteOff(39, 0.0), on(50), Pedal(20, 0.0)):
        output.send(event)
    clients.append(Client())
    listed.append("piano")
    watcher.look()
    assert not output.missing and said[-1] == "piano is back"
    assert clients[1].messages == [(0x80, 60, 64), (0xB0, 64, 20)]
    output.send(NoteOff(43, 0.0))
    assert clients[1].messages[-1] == (0x80, 64, 64)
    output.close()
    assert output.trouble is None


def test_a_port_that_is_not_there_at_the_start_is_waited_for(monkeypatch):
    client, listed, said = Client(), [], []

    def open_port(wanted):
        if not listed:
            raise UserError("no such MIDI output")
        return client, listed[0]

    monkeypatch.setattr(midi_line, "open_port", open_port)
    watcher = PortWatcher(said.append, every_s=0)
    monkeypatch.setattr(watcher, "_list", lambda api, inputs: [p for p in listed if p.api == api])
    with pytest.raises(UserError):
        MidiPortOutput.open("disk", None, watcher)
    output = MidiPortOutput.open("disk", None, watcher, wait=True)
    output.send(on(39))
    output.send(Pedal(50, 0.0))
    assert output.missing
    listed.append(Port(midi_ports.rtmidi.get_compiled_api()[0], 0, "Disklavier"))
    watcher.look()
    assert not output.missing and output.name == "Disklavier" and said == ["Disklavier is there"]
    assert client.messages == [(0xB0, 64, 50), (0xB2, 64, 50)], "the pedal, as that piano hears it; no note late"
    output.send(on(41, 1))
    client.wait_for(lambda: client.messages.count((0xFE,)) >= 2)
    output.close()
    assert client.notes() == [(0x90, 62, 25), (0x80, 62, 64)], "its name, once it is there, says what it is"


def test_a_profile_that_was_given_counts_whatever_it_turns_out_to_be(monkeypatch):
    client, watcher = Client(), PortWatcher(every_s=0)
    monkeypatch.setattr(watcher, "_list", lambda api, inputs: [])
    output = MidiPortOutput.open("disk", Profile(channel=7), watcher, wait=True)
    monkeypatch.setattr(midi_line, "open_port", lambda wanted: (client, wanted))
    assert output._come_back(Port(1, 0, "Disklavier"))
    output.send(on(39, 1))
    output.close()
    assert client.notes() == [(0x96, 60, 1), (0x86, 60, 64)]


def test_a_port_that_never_came_has_nothing_left_to_sound(monkeypatch):
    watcher = PortWatcher(every_s=0)
    monkeypatch.setattr(watcher, "_list", lambda api, inputs: [])
    output = MidiPortOutput.open("disk", None, watcher, wait=True)
    output.send(on(39, 1))
    output.close()
    assert output.trouble == "it was never there; nothing was played on it"


def test_a_port_that_is_away_at_the_end_is_said(plugged):
    output, _clients, listed, watcher, _said = plugged
    listed.clear()
    watcher.look()
    output.close()
    assert "not there" in output.trouble


def test_a_watched_port_that_refuses_is_gone_and_back_rather_than_lost_for_good(plugged):
    output, clients, _listed, watcher, _said = plugged
    output.send(on(39))
    clients[0].broken = True
    output.send(NoteOff(39, 0.0))
    assert output.missing
    output.send(on(40))
    clients.append(Client())
    watcher.look()
    watcher.look()
    assert not output.missing
    assert clients[1].messages == [(0x80, 60, 64), (0xB0, 64, 0)]


@pytest.fixture
def on_jack(plugged):
    """The same, with its server's heart; and the clients' own server."""
    output, clients, _listed, watcher, said = plugged
    heart = Heart()
    output._line = MidiLine(clients[0], linked(heart))
    output._write = output._line.write
    return output, clients, watcher, said, heart


def play(output, client, notes, heart=None):
    """Play notes until the output is away; gives how many bytes python-rtmidi would keep for them."""
    for _ in range(notes):
        output.send(on(39))
        output.send(NoteOff(39, 0.0))
        if heart is not None:
            heart.beats += 1
        if output.missing:
            break
    return sum(len(message) + 4 for message in client.messages)


def test_who_plays_on_while_the_server_stands_still_is_not_stopped_with_it(on_jack):
    """python-rtmidi keeps 16 KiB. What it cannot keep it waits for, with the interpreter, until the server goes on."""
    output, clients, watcher, said, _heart = on_jack
    assert play(output, clients[0], 5000) < 16 * 1024
    assert output.missing
    watcher.look()
    assert clients[0].open and said[-1].startswith("lost piano"), "closing it would be waited for as well"
    clients.append(Client())
    watcher.look()
    assert not output.missing and clients[1].messages[0][0] == 0x80
    output.close()


def test_who_plays_on_while_the_server_goes_on_may_do_so_for_ever(on_jack):
    output, clients, _watcher, _said, heart = on_jack
    assert play(output, clients[0], 5000, heart) > 4 * 16 * 1024
    assert not output.missing


def test_a_server_that_stands_still_for_long_is_said_though_nothing_is_played(on_jack):
    output, _clients, watcher, said, heart = on_jack
    for _ in range(60):
        watcher.look()
    assert not output.missing, "JACK itself waits for five seconds for a program that left without a word"
    heart.beats += 1
    for _ in range(60):
        watcher.look()
    assert not output.missing
    for _ in range(20):
        watcher.look()
    assert said[0].startswith("lost piano")


def test_a_port_that_nobody_watches_and_that_refuses_is_left_out_by_the_performer(toy_model):
    broken, whole = Client(), Client()
    broken.broken = True
    outputs = [MidiPortOutput(MidiLine(broken), "broken"), MidiPortOutput(MidiLine(whole), "whole")]
    performer = Performer(Genie(load_model(toy_model), temperature=0), outputs)
    performer.play(Press(0, 0.0, 64))
    performer.close()
    assert [output.name for output, _ in performer.failures] == ["broken"]
    assert len(whole.notes()) == 2


def test_a_panic_reaches_the_wire_and_a_held_button_may_be_let_go_afterwards(toy_model):
    client = Client()
    output = MidiPortOutput(MidiLine(client), "port", Profile(restrike_ms=1000))
    performer = Performer(Genie(load_model(toy_model), temperature=0), [output])
    performer.play(Press(0, 0.0, 64))
    performer.panic()
    assert (0xB0, 120, 0) in client.messages and (0xB0, 123, 0) in client.messages
    performer.close()
    assert len(client.notes()) == 2
