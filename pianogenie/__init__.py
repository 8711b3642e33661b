"""Pianogenie, an instrument: eight buttons in, a whole piano out.

The way of a note is described in docs/architecture.md; `pianogenie.performer` is the place to start reading.
"""

__version__ = "0.1.0"
