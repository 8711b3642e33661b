"""Inputs: each device turns what fingers do into `Hands.down` and `Hands.up`."""
