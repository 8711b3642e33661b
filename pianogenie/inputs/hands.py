"""Many devices, one player: merges keys, mouse, touch and pads into presses and releases of buttons."""

from collections.abc import Callable, Hashable

from pianogenie.events import Pedal, PlayerEvent, Press, Release


class Hands:
    """Knows which physical thing holds which button.

    A *source* is anything that goes down and comes up again: a computer key, a mouse button, one finger on a
    touch screen. Every source that goes down is a press, so two keys of one button play two notes; the
    button's release comes when its last source is up. What comes up without having gone down is ignored.

    Args:
        play: takes each event, in order; `Performer.play` when live.
        clock: seconds since the session's start, never decreasing.
        num_buttons: buttons outside 0..num_buttons-1 are ignored.

    Not thread-safe: one Hands a thread that reads devices; the Performer behind it takes several.
    """

    def __init__(self, play: Callable[[PlayerEvent], None], clock: Callable[[], float], num_buttons: int):
        self._play = play
        self._clock = clock
        self._num_buttons = num_buttons
        self._button_of: dict[Hashable, int] = {}
        self._pedals: dict[Hashable, int] = {}

    def down(self, source: Hashable, button: int, velocity: int | None = None) -> None:
        """A source presses a button (0-based), with a velocity 1..127 if it has one."""
        if not 0 <= button < self._num_buttons:
            return
        if source in self._button_of:
            self.up(source)
        self._button_of[source] = button
        self._play(Press(button, self._clock(), velocity))

    def up(self, source: Hashable) -> None:
        """A source comes up again."""
        button = self._button_of.pop(source, None)
        if button is not None and button not in self._button_of.values():
            self._play(Release(button, self._clock()))

    def pedal(self, source: Hashable, value: int) -> None:
        """A pedal source moves to `value` (0..127); the furthest down of all sources counts."""
        before = max(self._pedals.values(), default=0)
        self._pedals[source] = value
        now = max(self._pedals.values())
        if now != before:
            self._play(Pedal(now, self._clock()))

    def all_up(self) -> None:
        """Everything is let go: the focus went elsewhere, a device was pulled out, the session ends."""
        for source in list(self._button_of):
            self.up(source)
        for source in list(self._pedals):
            self.pedal(source, 0)
