"""OSC in and out: what is said is done, on real sockets; what is not understood does no harm."""

import socket
import struct
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket
from pythonosc.udp_client import SimpleUDPClient

from pianogenie.errors import UserError
from pianogenie.events import NoteOff, NoteOn, Pedal, Press, Release
from pianogenie.inputs.hands import Hands
from pianogenie.inputs.osc import PING_S, OscInput, temperature_control
from pianogenie.osc import messages
from pianogenie.outputs.osc import OscOutput


def message(address, *arguments):
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    return builder.build()


class Played:
    def __init__(self):
        self.events, self.panics, self.said, self.temperature = [], 0, [], 0.25
        self.hands = Hands(self.events.append, lambda: 0.0, 8, self.panic)
        self.input = OscInput(
            self.hands,
            str(free_port()),
            {"temperature": temperature_control(self)},
            self.said.append,
        )

    def panic(self, _time):
        self.panics += 1

    def take(self, *told, host="127.0.0.1", now=0.0):
        self.events.clear()
        self.input.take(message(*told).dgram, host, now)
        return self.events


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def played():
    played = Played()
    yield played
    played.input.close()


@pytest.mark.parametrize(
    ("told", "event"),
    [
        (("/pianogenie/press", 1), Press(0, 0.0, None)),
        (("/pianogenie/press", 8, 100), Press(7, 0.0, 100)),
        (("/pianogenie/press", 3.0, 90.0), Press(2, 0.0, 90)),  # Pd knows floats alone
        (("/pianogenie/press", 3, 0.5), Press(2, 0.0, 64)),
        (("/pianogenie/press", 3, 0), Press(2, 0.0, None)),
        (("/pianogenie/press", 3, 1000), Press(2, 0.0, 127)),
        (("/pianogenie/button/2", 1.0), Press(1, 0.0, None)),
        (("/pianogenie/button/2", True), Press(1, 0.0, None)),
        (("/pianogenie/button/2", 0.25), Press(1, 0.0, 32)),
        (("/pianogenie/pedal", 64), Pedal(64, 0.0)),
        (("/pianogenie/pedal", 0.5), Pedal(64, 0.0)),
        (("/pianogenie/pedal", 999), Pedal(127, 0.0)),
    ],
)
def test_what_is_said_is_done(played, told, event):
    assert played.take(*told) == [event]


def test_what_was_pressed_is_released_by_either_way(played):
    played.take("/pianogenie/press", 4)
    assert played.take("/pianogenie/button/4", 0.0) == [Release(3, 0.0)]
    played.take("/pianogenie/button/4", 1)
    assert played.take("/pianogenie/release", 4) == [Release(3, 0.0)]


def test_release_all_lets_go_of_what_that_client_holds(played):
    played.take("/pianogenie/press", 1)
    played.take("/pianogenie/press", 2)
    played.take("/pianogenie/pedal", 100)
    played.take("/pianogenie/press", 3, host="10.0.0.7")
    assert set(played.take("/pianogenie/release_all")) == {Release(0, 0.0), Release(1, 0.0), Pedal(0, 0.0)}


def test_panic_and_temperature(played):
    played.take("/pianogenie/panic")
    assert played.panics == 1
    for said, is_then in ((0.5, 0.5), (7, 1.0), (-3.0, 0.0), ("hot", 0.0), (float("nan"), 0.0)):
        played.take("/pianogenie/set/temperature", said)
        assert played.temperature == is_then


def test_a_client_that_pinged_and_falls_silent_is_let_go_and_one_that_never_did_is_not(played):
    played.take("/pianogenie/press", 1, host="10.0.0.7", now=0.0)
    played.take("/pianogenie/press", 2, now=0.0)
    played.take("/pianogenie/ping", now=0.0)
    played.take("/pianogenie/pedal", 0, now=PING_S)  # anything counts as a sign of life
    played.input.look_after(2 * PING_S - 0.1)
    assert played.events == []
    played.input.look_after(2 * PING_S + 0.1)
    assert played.events == [Release(1, 0.0)]
    assert "127.0.0.1 has gone silent" in played.said[0]
    played.input.look_after(99.0)
    assert played.events == [Release(1, 0.0)]


@pytest.mark.parametrize(
    "told",
    [
        ("/pianogenie/press",),
        ("/pianogenie/press", "one"),
        ("/pianogenie/press", 0),
        ("/pianogenie/press", 9),
        ("/pianogenie/press", float("inf")),
        ("/pianogenie/press", 1 << 40),
        ("/pianogenie/button/", 1),
        ("/pianogenie/button/x", 1),
        ("/pianogenie/pedal", float("nan")),
        ("/pianogenie/pedal", b"blob"),
        ("/pianogenie/set/", 1),
        ("/pianogenie/set/model", "rm -rf"),
        ("/pianogenie",),
        ("/other/press", 1),
        ("/pianogenie/*", 1),
    ],
)
def test_what_is_not_understood_is_left_out(played, told):
    assert played.take(*told) == []


def test_bundles_are_done_at_once_and_in_order_whatever_their_time(played):
    inner = OscBundleBuilder(time.time() + 3600)
    inner.add_content(message("/pianogenie/release", 1))
    bundle = OscBundleBuilder(IMMEDIATELY)
    bundle.add_content(message("/pianogenie/press", 1))
    bundle.add_content(inner.build())
    bundle.add_content(message("/pianogenie/press", 2))
    played.input.take(bundle.build().dgram, "h", 0.0)
    assert played.events == [Press(0, 0.0), Release(0, 0.0), Press(1, 0.0)]


@pytest.mark.parametrize("size", [-4, 0, -(1 << 31), (1 << 31) - 1, 5])
def test_a_bundle_with_a_size_that_lies_ends(size):
    packet = b"#bundle\0" + bytes(8) + struct.pack(">i", size) + b"/pianogenie/panic\0\0\0,\0\0\0"
    assert len(list(messages(packet))) <= 1


def test_bundles_within_bundles_end():
    packet = b""
    while len(packet) < 8000:
        packet = b"#bundle\0" + bytes(8) + struct.pack(">i", len(packet)) + packet
    assert list(messages(packet)) == []


valid = st.builds(
    lambda *told: message(*told).dgram,
    st.sampled_from(("/pianogenie/press", "/pianogenie/button/3", "/pianogenie/pedal", "/pianogenie/ping")),
    st.one_of(st.integers(-10, 200), st.floats(width=32), st.text(max_size=5), st.booleans()),
)


damaged = st.builds(lambda p, i, b: p[:i] + b + p[i:], valid, st.integers(0, 40), st.binary(max_size=8))


@settings(max_examples=200, deadline=None)
@given(packet=st.one_of(st.binary(max_size=60), valid, damaged))
def test_no_packet_raises_or_plays_what_is_no_button(packet):
    played = Recorded()
    played.input.take(packet, "h", 0.0)
    for event in played.events:
        if isinstance(event, Pedal):
            assert 0 <= event.value <= 127
        else:
            assert 0 <= event.button < 8
            assert isinstance(event, Release) or event.velocity is None or 1 <= event.velocity <= 127


class Recorded(Played):
    """Without a socket, which two hundred examples would be slow to open."""

    def __init__(self):
        self.events = []
        self.hands = Hands(self.events.append, lambda: 0.0, 8)
        self.input = OscInput.__new__(OscInput)
        self.input._hands, self.input._controls, self.input._pinged = self.hands, {}, {}


def test_over_a_real_socket_hostile_packets_do_not_stop_it(played):
    client = SimpleUDPClient("127.0.0.1", played.input.port)
    for packet in (
        b"",
        b"\0" * 9000,
        b"#bundle\0" + bytes(8) + struct.pack(">i", -4),
        b"/pianogenie/press\0\0\0,i\0\0",
    ):
        client._sock.sendto(packet, ("127.0.0.1", played.input.port))
    client.send_message("/pianogenie/press", 5)
    end = time.monotonic() + 10
    while Press(4, 0.0, None) not in played.events and time.monotonic() < end:
        time.sleep(0.005)
    assert played.events == [Press(4, 0.0, None)]


def test_a_port_that_is_taken_is_one_clear_line(played):
    with pytest.raises(UserError, match="cannot listen for OSC there"):
        OscInput(played.hands, str(played.input.port))


@pytest.mark.parametrize(
    "place", ["", "x", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:99999", ":9000", "no such host:9000"]
)
def test_a_place_that_is_none_is_one_clear_line(place):
    with pytest.raises(UserError):
        OscOutput(place)


def test_notes_go_out_as_they_come_and_are_let_go_by_a_velocity_of_nought():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(10)
        output = OscOutput(f"127.0.0.1:{listener.getsockname()[1]}")
        for event in (NoteOn(39, 77, 2, 0.0), Pedal(50, 0.0), NoteOff(39, 0.0)):
            output.send(event)
        heard = [OscPacket(listener.recv(1000)).messages[0].message for _ in range(3)]
        output.close()
    assert [(m.address, *m.params) for m in heard] == [
        ("/pianogenie/note", 60, 77, 3),
        ("/pianogenie/pedal", 50),
        ("/pianogenie/note", 60, 0, 3),
    ]
    assert output.trouble is None


def test_nobody_listening_is_no_trouble_and_a_network_that_refuses_is_told_at_the_end():
    output = OscOutput(f"127.0.0.1:{free_port()}")
    for _ in range(50):
        output.send(NoteOn(39, 77, 2, 0.0))
    assert output.trouble is None
    output._place = ("127.0.0.1", 0)  # what the system refuses
    output.send(NoteOff(39, 0.0))
    assert output.trouble.startswith("1 packets were not sent")
    output.close()


def test_what_lets_go_is_said_when_the_network_takes_it_again():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(10)
        output = OscOutput(f"127.0.0.1:{listener.getsockname()[1]}")
        place, nowhere = output._place, ("127.0.0.1", 0)  # what the system refuses
        for key, ways in ((39, (place, nowhere)), (41, (nowhere, nowhere)), (43, (place, nowhere))):
            for kind, output._place in zip(("on", "off"), ways, strict=True):
                output.send(NoteOn(key, 77, 2, 0.0) if kind == "on" else NoteOff(key, 0.0))
        output._place = place
        output.close()
        heard = [OscPacket(listener.recv(1000)).messages[0].message.params[:2] for _ in range(5)]
    assert heard == [[60, 77], [60, 0], [62, 0], [64, 77], [64, 0]]
    assert output.trouble.startswith("1 packets were not sent")


def test_a_panic_is_said():
    """To whoever missed a packet that let go of a note."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(5)
        output = OscOutput(f"127.0.0.1:{listener.getsockname()[1]}")
        output.panic(0.2)
        output.close()
        (heard,) = OscPacket(listener.recv(1000)).messages
    assert (heard.message.address, heard.message.params) == ("/pianogenie/panic", [])
