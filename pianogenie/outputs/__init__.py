"""Outputs: each takes every note, in order, through the small interface of `pianogenie.outputs.base`."""
