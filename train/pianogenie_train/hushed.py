"""Silence for libraries that announce and advise; what goes wrong in them still speaks."""

import contextlib
import logging
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def hushed(logger_name: str, *ignored: dict[str, str]) -> Iterator[None]:
    """Let a logger say errors only, and leave out warnings, for the length of a block.

    Each of `ignored` is the keywords of a `warnings.filterwarnings("ignore", ...)`; {} stands for all warnings.
    """
    logger = logging.getLogger(logger_name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            for keywords in ignored:
                warnings.filterwarnings("ignore", **keywords)
            yield
    finally:
        logger.setLevel(level)
