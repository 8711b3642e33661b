"""MIDI devices made of JACK ports, as programs of their own, so that they can be killed.

`python -m tests.e2e.midi_devices keys NAME` sends each line of hexadecimal bytes from its standard input.
`python -m tests.e2e.midi_devices listener NAME` prints what it hears, a line a message.
"""

import signal
import sys
import time

import rtmidi


def keys(name: str) -> None:
    port = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=name)
    port.open_virtual_port("out")
    print("ready", flush=True)
    for line in sys.stdin:
        port.send_message(bytes.fromhex(line))
    port.close_port()
    port.delete()


def listener(name: str) -> None:
    port = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name=name)
    port.set_callback(lambda message, _: print(*(f"{byte:02x}" for byte in message[0]), flush=True))
    port.open_virtual_port("in")
    print("ready", flush=True)
    # A client that dies without a word keeps a synchronous server waiting.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        while True:
            time.sleep(60)
    finally:
        port.delete()


if __name__ == "__main__":
    {"keys": keys, "listener": listener}[sys.argv[1]](sys.argv[2])
