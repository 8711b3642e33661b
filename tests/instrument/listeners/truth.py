"""What was played, as the Performer promised it, and when."""

from dataclasses import dataclass, field

from pianogenie.events import NoteOff, NoteOn, Press, Release
from pianogenie.outputs.base import Output


class Clock:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self):
        return self.now


@dataclass
class Books(Output):
    """Counts, and holds every note to account the moment it comes; keeps nothing."""

    name = "books"
    keys: set = field(default_factory=set)
    pedal: int = 0
    ons: int = 0
    time: float = 0.0

    def send(self, event):
        assert event.time >= self.time, "time turned back"
        self.time = event.time
        if isinstance(event, NoteOn):
            assert event.key not in self.keys, "struck while it sounds"
            assert 1 <= event.velocity <= 127
            self.keys.add(event.key)
            self.ons += 1
        elif isinstance(event, NoteOff):
            self.keys.remove(event.key)
        else:
            self.pedal = event.value


@dataclass
class Truth(Books):
    """What the Performer promises: heard as an output of its own, beside all others."""

    name = "truth"
    comes_first = True
    buttons: set = field(default_factory=set)
    done: list = field(default_factory=list)

    def witness(self, event):
        self.done.append(event)
        if isinstance(event, Press):
            self.buttons.add(event.button)
        elif isinstance(event, Release):
            self.buttons.discard(event.button)

    def check(self, truth):
        pass

    def end(self):
        assert not self.keys and not self.buttons and self.pedal == 0
