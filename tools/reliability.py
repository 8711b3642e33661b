"""Try what docs/reliability.md lists, and write down how often each was tried and what happened.

    python tools/reliability.py --quick          what fits in ten minutes; the other rows keep their figures and dates
    python tools/reliability.py --full           everything: hours (`make reliability`)
    python tools/reliability.py --only "fuzzed with" --minutes 60 --jobs 5

Each row is a pytest run of its own, or a fuzzer's; its figures come from that run (docs/reliability.json keeps them). A
row that names no test any more is an error.
"""

import argparse
import concurrent.futures
import json
import platform
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE, FIGURES = ROOT / "docs" / "reliability.md", ROOT / "docs" / "reliability.json"
sys.path.insert(0, str(ROOT))

from tools.reliability_rows import SECTIONS, Row, fuzz_rows  # noqa: E402


def try_tests(row: Row) -> dict:
    """Run a row's tests; what came of them."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-m",
            "soak or not soak",
            "--timeout",
            "3600",
        ]
        done = subprocess.run([*command, f"--junitxml={report}", *row.tests], cwd=ROOT, capture_output=True, text=True)
        if not report.exists() or done.returncode not in (0, 1):
            raise SystemExit(f"{row.what}: its tests could not be run\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        cases = list(ET.parse(report).iter("testcase"))
    tried, failed, skipped = 0, [], []
    for case in cases:
        properties = {p.get("name"): p.get("value") for p in case.iter("property")}
        if case.find("skipped") is not None:
            skipped.append(case.find("skipped").get("message", ""))
            continue
        tried += int(properties.get("tried", 1))
        if case.find("failure") is not None or case.find("error") is not None:
            failed.append(case.get("name"))
    return {"tried": tried, "failed": failed, "skipped": skipped}


def fuzz(row: Row, minutes: float) -> dict:
    """Fuzz a row's reader; what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "tests.fuzz", row.reader, "--minutes", str(minutes), "--json", str(out)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if not out.exists():
            raise SystemExit(f"{row.what}: {done.stderr[-2000:]}")
        (figures,) = json.loads(out.read_text())
    return {"tried": figures["files"], "failed": [figures["fault"]] if figures["fault"] else [], "skipped": []}


def tried(rows: list[Row], minutes: float, jobs: int) -> Iterator[tuple[Row, dict]]:
    """Rows with what came of them, one after the other; those of fuzzers, `jobs` at a time, last."""

    def try_one(row: Row) -> tuple[Row, dict]:
        began = time.monotonic()
        got = fuzz(row, minutes) if row.reader else try_tests(row)
        got |= {"seconds": round(time.monotonic() - began, 1), "when": f"{datetime.now(timezone.utc):%Y-%m-%d}"}
        return row, got | {"machine": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"}

    yield from map(try_one, (row for row in rows if not row.reader))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(try_one, row) for row in rows if row.reader]
        yield from (done.result() for done in concurrent.futures.as_completed(waiting))


def happened(row: Row, figures: dict) -> str:
    if figures["failed"]:
        return f"**failed**: {', '.join(figures['failed'])}"
    if figures["skipped"]:
        return f"in part not tried: {'; '.join(sorted(set(figures['skipped'])))}"
    return "read or refused in one line, each" if row.reader else "as it should"


def duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def write_page(figures: dict[str, dict], sections: dict[str, list[Row]]) -> None:
    """docs/reliability.md out of the figures."""
    lines = [PAGE_HEAD]
    for title, rows in sections.items():
        lines += [f"## {title}", "", "| what was tried | how often | what happened | took | when |"]
        lines += ["| --- | --- | --- | --- | --- |"]
        for row in rows:
            got = figures.get(row_key(row))
            if got is None:
                lines.append(f"| {row.what} | | not tried yet | | |")
                continue
            cells = (
                row.what,
                f"{got['tried']:,} {row.unit}",
                happened(row, got),
                duration(got["seconds"]),
                got["when"],
            )
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    PAGE.write_text("\n".join(lines), encoding="utf-8")


def row_key(row: Row) -> str:
    return (row.reader and f"fuzz {row.reader}") or " ".join(row.tests)


PAGE_HEAD = """\
# What was tried, how often, and what happened

Each line is a test, or a fuzzer's run; its figures were printed by it and put here by `make reliability`
(`MODE=quick` for what fits in ten minutes; the other lines keep their figures and dates then). What each test holds
against the instrument stands at its head, in `tests/`.

- **The books**: each note-on has one note-off, no sounding key is struck again without a note-off between, nothing
  sounds after the close, and a profile's limits are never broken.
- **Soak**: nothing stuck, nothing lost, memory flat.
- **Faults**: the notes are let go, the recording is whole or can be had back, and one line says what happened.
- **Hostile files**: a good result or one clear line; never a crash, more than 5 s, or more than 1 GB.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--quick", action="store_true")
    which.add_argument("--full", action="store_true")
    which.add_argument("--only", metavar="WORDS", help="rows with these words in their text, section or tests")
    which.add_argument("--page", action="store_true", help="write the page from the figures that there are")
    parser.add_argument("--minutes", type=float, default=60.0, help="for each reader that is fuzzed")
    parser.add_argument("--jobs", type=int, default=1, help="readers that are fuzzed at a time")
    given = parser.parse_args()
    sections = {**SECTIONS, "Hostile files": [*SECTIONS["Hostile files"], *fuzz_rows()]}
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    chosen = []
    for title, rows in sections.items():
        for row in rows:
            told = f"{title} {row.what} {row_key(row)}".lower()
            if not (given.page or (given.quick and row.long) or (given.only and given.only.lower() not in told)):
                chosen.append(row)
    failed = False
    for row, got in tried(chosen, given.minutes, given.jobs):
        figures[row_key(row)] = got
        failed |= bool(got["failed"])
        print(f"{row.what}: {got['tried']:,} {row.unit}, {happened(row, got)}, {duration(got['seconds'])}", flush=True)
        FIGURES.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        write_page(figures, sections)
    write_page(figures, sections)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
