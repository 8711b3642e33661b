"""What every output is."""

from abc import ABC, abstractmethod

from pianogenie.events import PianoEvent, PlayerEvent


class Output(ABC):
    """Takes what the piano is told, one event at a time, on the hot path.

    `send` runs between a finger and its sound: it must not block, log, touch the disk or allocate much.
    `witness` hears what the player did, after the notes that follow from it were sent; the recorder and the
    window override it. `close` is called once, after the last note-off and the pedal's zero.
    """

    name: str = "output"
    """What the status line calls it."""

    trouble: str | None = None
    """What is wrong with it, in a line, though it plays on; said when the session is over."""

    missing: bool = False
    """Whether its device is away for now (unplugged, its server gone) and waited for; shown in the status line."""

    comes_first: bool = False
    """Whether its notes leave for an instrument elsewhere: it hears all of a chord before any other output does
    (`Performer.together`)."""

    @abstractmethod
    def send(self, event: PianoEvent) -> None:
        """Take one note-on, note-off or pedal."""

    def witness(self, event: PlayerEvent) -> None:  # noqa: B027 (most outputs do not care)
        """Hear one press, release or pedal of the player's."""

    def panic(self, time: float) -> None:  # noqa: B027 (nothing to silence, where nothing sounds)
        """Silence whatever sounds, known or not. The note-offs of what the books know and the pedal's zero came before.

        A MIDI port sends all notes off, all sound off and pedals up; an instrument of our own cuts its voices.
        """

    def close(self) -> None:  # noqa: B027 (nor have anything to close)
        """Let go of the device or finish the file."""
