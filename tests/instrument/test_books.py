"""The books, on every output at once: whatever the order of things, each note is let go and nothing sounds at the end.

One machine plays through the real `Hands`, `Performer` and outputs; the devices behind them are made of glass
(`listeners`), and time passes when the machine says so. What a profile's limits make of it alone is in test_limits.py.
"""

import shutil
import tempfile
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from pianogenie.inputs.hands import Hands
from pianogenie.inputs.midi_in import MidiInput
from pianogenie.midi_ports import Port
from pianogenie.outputs import midi_line
from pianogenie.performer import Performer
from pianogenie.profiles import Profile, find_profile, profile_names
from tests.instrument.listeners import Clock, Disk, Flaky, MidiPort, Osc, Speaker, Truth, Window

PROFILES = [Profile(), *(find_profile(name)[1] for name in profile_names())]
# Few, so that they meet; the highest has no damper.
KEYS = st.sampled_from((39, 40, 41, 87))
SOURCES = st.sampled_from("ab")
BUTTONS = st.integers(0, 7)
PORTS = st.sets(st.integers(0, len(PROFILES) - 1), min_size=1)
CONTROLS = st.sampled_from((1, 64, 66, 67, 120, 121, 123, 127))


class Genie:
    """Picks the key that it is told."""

    key = 39

    def press(self, button, time, velocity=None):
        return self.key, velocity or 80


class Silent:
    """A controller's client that says nothing by itself."""

    def set_callback(self, callback):
        pass

    def ignore_types(self, **kinds):
        pass

    def delete(self):
        pass


class Stage(RuleBasedStateMachine):
    """Player, devices and outputs, in any order."""

    @initialize()
    def open(self):
        self.clock, self.skew, self.genie, self.closed = Clock(), 0.0, Genie(), False
        self.folder = Path(tempfile.mkdtemp())
        self.ports = [MidiPort(profile, self.clock) for profile in PROFILES]
        self.truth, self.flaky = Truth(), Flaky()
        self.speaker, self.disk = Speaker(self.clock), Disk(self.folder)
        self.listeners = [*self.ports, Osc(self.clock), self.speaker, self.disk, Window(self.clock)]
        outputs = [*(listener.output for listener in self.listeners), self.flaky, self.truth]
        self.performer = Performer(self.genie, outputs)
        now = lambda: self.clock.now + self.skew  # noqa: E731
        self.hands = Hands(self.performer.play, now, 8, self.performer.panic, self.performer.together)
        self.together = None  # or the block in which a chord is played
        self.controller = MidiInput(self.hands, "keys", {})
        self.controller.use(Silent(), Port(0, 0, "keys"))
        self.controller.start()

    @rule(source=SOURCES, button=BUTTONS, key=KEYS, velocity=st.none() | st.integers(1, 127))
    def press(self, source, button, key, velocity):
        self.genie.key = key
        self.hands.down(source, button, velocity)

    @rule(source=SOURCES)
    def release(self, source):
        self.hands.up(source)

    @rule(source=SOURCES, value=st.sampled_from((0, 1, 63, 64, 127)))
    def move_pedal(self, source, value):
        self.hands.pedal(source, value)

    @rule(note=st.integers(58, 66), velocity=st.integers(0, 127), channel=st.integers(0, 1), key=KEYS)
    def controller_plays(self, note, velocity, channel, key):
        self.genie.key = key
        self.controller.take((0x90 | channel, note, velocity))

    @precondition(lambda self: not self.together)
    @rule()
    def what_follows_comes_together(self):
        self.together = self.hands.together()
        self.together.__enter__()

    @precondition(lambda self: self.together)
    @rule()
    def that_was_all_of_it(self):
        together, self.together = self.together, None
        together.__exit__(None, None, None)

    @rule(number=CONTROLS, value=st.integers(0, 127), channel=st.integers(0, 1))
    def controller_changes(self, number, value, channel):
        self.cut_short(lambda: self.controller.take((0xB0 | channel, number, value)))

    @rule()
    def pull_the_controller_out_and_in(self):
        with mock.patch("pianogenie.inputs.midi_in.retire"):
            self.controller.leave()
        self.controller.use(Silent(), Port(0, 0, "keys"))
        self.controller.start()

    @rule()
    def panic(self):
        self.cut_short(self.hands.panic)
        for port in self.ports:
            if not self.closed:
                port.panicked()
        assert not self.truth.keys and self.truth.pedal == 0 and not self.speaker.get_busy()

    def cut_short(self, call):
        for port in self.ports:
            port.piano.cutting = True
        call()
        for port in self.ports:
            port.piano.cutting = False

    @precondition(lambda self: not self.together)  # what comes in one piece takes no time
    @rule(seconds=st.sampled_from((0.001, 0.02, 0.04, 0.05, 0.3, 1.0, 70.0)))
    def wait(self, seconds):
        start = self.clock.now
        for port in self.ports:
            self.clock.now = start
            port.until(start + seconds)

    @rule()
    def the_clock_jumps_back(self):
        """No clock of ours does (it is monotonic); the Performer would not be led astray if one did."""
        self.skew = -0.5
        self.hands.down("jump", 0)
        self.hands.up("jump")
        self.skew = 0.0

    @rule(which=PORTS, complains=st.booleans())
    def pull_ports(self, which, complains):
        for port in which:
            self.ports[port].pull(complains)

    @rule(which=PORTS)
    def losses_are_noticed(self, which):
        for port in which:
            self.ports[port].notice()

    @rule(which=PORTS)
    def plug_ports_in(self, which):
        for port in which:
            self.ports[port].plug()

    @precondition(lambda self: not self.together)
    @rule(which=PORTS, complains=st.booleans(), plays_on=st.booleans(), seconds=st.sampled_from((0.02, 0.5, 3.0)))
    def pull_ports_in_mid_chord(self, which, complains, plays_on, seconds):
        """What is otherwise a matter of luck: struck before, let go while nobody knows yet that the cable is out."""
        self.press("chord", 0, 39, 64)
        self.press("chord too", 1, 41, 64)
        self.wait(0.1)
        self.pull_ports(which, complains)
        self.release("chord")
        if plays_on:
            self.press("chord", 2, 39, 64)
        self.wait(seconds)
        self.plug_ports_in(which)
        self.release("chord")

    @rule(refusals=st.integers(1, 3))
    def pull_one_that_nobody_watches(self, refusals):
        self.flaky.refuses = refusals

    @precondition(lambda self: not self.closed)
    @rule()
    def shut_down(self):
        self.closed = True
        self.cut_short(self.close)
        self.check_the_end()

    def close(self):
        with mock.patch.object(midi_line, "_FLUSH_S", 0), mock.patch("pianogenie.inputs.midi_in.retire"):
            self.controller.close()
            self.hands.all_up()
            self.performer.close(self.clock())

    @invariant()
    def every_output_agrees(self):
        if hasattr(self, "performer"):
            self.raise_what_a_listener_said()
            for listener in self.listeners:
                if not self.together or listener.output.comes_first:
                    listener.check(self.truth)

    def raise_what_a_listener_said(self):
        """The Performer takes an output that raises for a broken one, and plays on."""
        for output, error in self.performer.failures:
            if output is not self.flaky:
                raise error

    def check_the_end(self):
        self.raise_what_a_listener_said()
        for listener in self.listeners:
            listener.end(self.truth) if listener is self.disk else listener.end()
        self.truth.end()
        assert self.flaky.closed
        if not self.performer.failures:
            assert not self.flaky.keys and self.flaky.pedal == 0

    def teardown(self):
        if hasattr(self, "performer"):
            try:
                if not self.closed:
                    self.shut_down()
            finally:
                self.speaker.put_away()
                shutil.rmtree(self.folder)


Stage.TestCase.settings = settings(
    max_examples=60, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
TestStage = Stage.TestCase
