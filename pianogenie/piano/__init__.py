"""The built-in piano: its samples, the rules by which they sound, and mixing them into a file.

Playing them live is `pianogenie.outputs.piano`; both follow `touch` and `voices`, so both sound the same.
Nothing here imports pygame. docs/piano.md holds the measurements behind the numbers.
"""
