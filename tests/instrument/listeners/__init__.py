"""What is at the other end of each output, for tests: it holds every note to account the moment it comes.

Each listener has `check(truth)`, which compares what it heard with what the player holds, and `end()`, after the close.
Time is a `Clock` that the test moves; nothing here has a thread or waits.
"""

from .midi_port import MidiPort
from .simple import Disk, Flaky, Osc, Window
from .speaker import Speaker
from .truth import Books, Clock, Truth

__all__ = ["Books", "Clock", "Disk", "Flaky", "MidiPort", "Osc", "Speaker", "Truth", "Window"]
