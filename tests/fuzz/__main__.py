"""The long run: atheris (libFuzzer) on each reader, guided by what of our code each file reaches.

Each reader has a process of its own, which libFuzzer ends at the first fault: an exception that is no UserError, more
than 5 s on one file, more than 1 GB. The file is kept then (--keep), and named. The interesting files are kept too; the
next run begins with them.
"""

import argparse
import concurrent.futures
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.targets import TARGETS

_LONGEST_S, _MOST_MB = 5, 1024
_OURS = ["pianogenie", "pianogenie_train"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("readers", nargs="*", help=f"which (all unless given): {', '.join(TARGETS)}")
    parser.add_argument("--minutes", type=float, default=60.0, help="for each reader")
    parser.add_argument("--jobs", type=int, default=1, help="readers at a time")
    parser.add_argument("--keep", type=Path, default=Path(".fuzz"), help="where files are kept")
    parser.add_argument("--json", type=Path, help="where the figures go")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        return fuzz(given.one, given.keep, given.minutes * 60)
    try:
        import atheris  # noqa: F401
    except ImportError:
        sys.exit("atheris is not there: python -m pip install -e '.[fuzz]' (Linux and macOS, CPython)")
    names = given.readers or list(TARGETS)
    if unknown := sorted(set(names) - set(TARGETS)):
        sys.exit(f"no such reader: {', '.join(unknown)}; there are: {', '.join(TARGETS)}")
    with concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        results = list(pool.map(lambda name: run(name, given.keep, given.minutes), names))
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return any(result["fault"] for result in results)


def run(name: str, keep: Path, minutes: float) -> dict:
    """One reader in a process of its own; what came of it."""
    began = time.monotonic()
    command = [sys.executable, "-m", "tests.fuzz", "--one", name, "--keep", str(keep), "--minutes", str(minutes)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    said = done.stdout + done.stderr
    tried = max([int(n) for n in re.findall(r"^(?:stat::number_of_executed_units: |#|Done )(\d+)", said, re.M)] or [0])
    peaks = [int(n) for n in re.findall(r"(?:rss: |peak_rss_mb: +)(\d+)", said)]
    result = {
        "reader": name,
        "files": tried,
        "minutes": round((time.monotonic() - began) / 60, 2),
        "peak_mb": max(peaks, default=None),
        "fault": None,
    }
    if done.returncode:
        kept = re.findall(r"Test unit written to (\S.*)", said)
        result["fault"] = kept[-1] if kept else f"exit status {done.returncode}"
        print(said[-4000:], file=sys.stderr)
    print(f"{name}: {tried:,} files in {result['minutes']} min, {result['fault'] or 'no fault'}", flush=True)
    return result


def fuzz(name: str, keep: Path, seconds: float) -> int:
    """In this process, until the time is up or something is wrong; libFuzzer ends the process."""
    import atheris

    target = TARGETS[name]
    with atheris.instrument_imports(include=_OURS):
        seeds = target.seeds()
        with tempfile.TemporaryDirectory() as folder:
            for seed in seeds:
                assert target(seed, Path(folder)), "a good file was refused"
    slug = name.lower().replace(" ", "-")
    corpus, faults = keep / slug, keep / "faults"
    for place in (corpus, faults):
        place.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    words = keep / f"{slug}.dict"
    words.write_text("".join('"{}"\n'.format("".join(f"\\x{byte:02x}" for byte in word)) for word in target.words))
    folder = Path(tempfile.mkdtemp(prefix="pianogenie-fuzz-"))

    def check(data: bytes) -> None:
        target(bytes(data), folder)

    options = [f"-max_total_time={max(1, round(seconds))}", f"-timeout={_LONGEST_S}", f"-rss_limit_mb={_MOST_MB}"]
    options += [f"-max_len={target.longest}", f"-dict={words}", f"-artifact_prefix={faults}/{slug}-"]
    options += ["-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], check)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
