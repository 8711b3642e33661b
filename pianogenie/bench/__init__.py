"""Measures the instrument as it is played: `pianogenie bench latency`. Nothing here is imported while playing.

docs/latency.md says what is measured and how.
"""
