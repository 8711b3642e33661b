"""How much of a stranger's checkpoint is read, and its checksum."""

import hashlib

MAX_WEIGHTS_BYTES = 64 << 20
"""Sixteen times the larger peer."""
MAX_TEXT_BYTES = 1 << 20


def sha256(data: bytes) -> str:
    """The checksum, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()
