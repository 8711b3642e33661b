"""Hostile files: each reader of the project, the files it should read, and what may come of any others.

python -m tests.fuzz --minutes 60       every reader for an hour (`make fuzz`), with atheris
pytest tests/fuzz                        every reader for some seconds, with hypothesis
"""
