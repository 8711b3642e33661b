"""How much memory a program and its children hold."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from pianogenie.bench.programs import Missing

_MIB = 1024.0
_HEAD = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S+ ([0-9a-f]+) (\S+) (\d+) *(.*)")
_OF_JACK = "/dev/shm/jack"


def memory_mib(pid: int) -> dict[str, float]:
    """What a process and its children hold resident, MiB. Raises Missing where /proc does not tell.

    `resident`: what they share with each other counts once, what they share with programs beside them counts in full
    (a proportional set size would let those pay for a part). `main`: of the first alone. `jack`: beside these, the JACK
    server's own memory, which it puts into each of its clients whole.
    """
    try:
        pids = [pid, *_descendants(pid)]
        own, shared = 0.0, defaultdict(float)
        main = 0.0
        for each in pids:
            kib, mappings = _mappings(each)
            own += kib
            for place, size in mappings.items():
                shared[place] = max(shared[place], size)
            if each == pid:
                main = kib + sum(mappings.values())
    except OSError as error:
        raise Missing(f"/proc does not tell ({error.strerror})") from error
    jack = sum(size for place, size in shared.items() if place[-1].startswith(_OF_JACK))
    return {
        "resident": round((own + sum(shared.values()) - jack) / _MIB, 1),
        "main": round((main - jack) / _MIB, 1),
        "jack": round(jack / _MIB, 1),
        "processes": len(pids),
    }


def _descendants(pid: int) -> list[int]:
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            found += [child, *_descendants(child)]
    return found


def _mappings(pid: int) -> tuple[float, dict[tuple[str, ...], float]]:
    """KiB that a process has to itself, and KiB of what it may share, by where that comes from."""
    own, shared, place = 0.0, defaultdict(float), None
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        head = _HEAD.match(line)
        if head:
            place = head.groups()
        elif line.startswith(("Private_", "Shared_")) and "Hugetlb" not in line:
            size = float(line.split()[1])
            if line.startswith("Shared_") or place[-1].startswith(_OF_JACK):
                shared[place] += size
            else:
                own += size
    return own, shared
