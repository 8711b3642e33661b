"""Files that are whole or not there, and reads that a stranger's file cannot make endless."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pianogenie.errors import UserError


def read_bytes(path: Path | str, limit: int) -> bytes:
    """A regular file, whole.

    Raises UserError if it is something else (a pipe would be waited for, for ever), cannot be read, or is longer than
    `limit` bytes, more than a file of its kind has use for.
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: not a file")
        with open(path, "rb") as file:
            # As much room as it needs: `read` makes room for all that it is asked for.
            data = file.read(min(limit, os.fstat(file.fileno()).st_size) + 1)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # no file is called so, such as by half of a character
        raise UserError(f"{path}: cannot be read (no name of a file)") from error
    if len(data) > limit:
        raise UserError(f"{path}: larger than {limit >> 10:,} KiB, more than a file of its kind may be")
    return data


def read_json(path: Path | str, limit: int) -> object:
    """A file of at most `limit` bytes as JSON. Raises UserError as `read_bytes` does, and if it is not JSON."""
    return parse_json(read_bytes(path, limit), path)


def parse_json(data: bytes, path: Path | str) -> object:
    """Bytes as JSON in UTF-8 (NaN and Infinity may be in it). Raises UserError, naming `path`, if they are none."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({error})") from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8. What stands for a byte of a name that is none becomes `\\udcff`, which JSON reads as it was."""
    path.write_text(text, encoding="utf-8", errors="backslashreplace")


@contextlib.contextmanager
def written_whole(path: Path | str) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it into place when the block ends well, else remove it.

    The data reaches the disk before the move, so that a power cut leaves the old file or the new one.
    Raises UserError, naming `path`, if the folder cannot be made or the file cannot be written.
    """
    path = Path(path)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(21, "Is a directory")
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        _flush_to_disk(temporary)
        # mkstemp makes files private; give the result what a plain open() would have given it.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink()


@contextlib.contextmanager
def whole_folder(out: Path) -> Iterator[Path]:
    """Give a temporary folder beside `out`; put it in `out`'s place if the block ends well, else remove it.

    Raises UserError, naming `out`, for whatever the disk refuses.
    """
    temporary = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
        temporary.chmod(0o755)  # mkdtemp makes it private
        yield temporary
        if out.exists():
            old = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-old-"))
            out.rename(old / out.name)
            temporary.rename(out)
            shutil.rmtree(old, ignore_errors=True)
        else:
            temporary.rename(out)
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror or error})") from error
    finally:
        if temporary is not None and temporary.exists():
            shutil.rmtree(temporary, ignore_errors=True)


def _flush_to_disk(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
