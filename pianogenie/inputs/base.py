"""What every input is that reads a device by itself; the window and the terminal, on the main thread, do not."""

from abc import ABC, abstractmethod


class Input(ABC):
    """Reads a device on a thread of its own and calls the session's `Hands`.

    When the device is pulled out, the input lets go of what it held (`Hands.let_go`), turns `missing` on, announces
    it, and goes on looking for it.
    """

    name: str = "input"
    """What the status line calls it."""

    trouble: str | None = None
    """What is wrong with it, in a line, though it plays on; said when the session is over."""

    missing: bool = False
    """Whether its device is away for now and waited for; shown in the status line."""

    @abstractmethod
    def close(self) -> None:
        """Stop reading, let go of what is held, let go of the device. Called once, before the outputs close."""
