"""What the commands print: plain text for people, one fact a line."""

from pathlib import Path

_MOST_NAMES = 20


def of_preparation(report: dict, out: Path, seconds: float, jobs: int) -> str:
    """The text of a preparation's report (see prepare.py), after `seconds` on `jobs` processes."""
    read = report["files"] + sum(report["files_left_out"].values())
    lines = [f"{out}: {report['files']} files, {report['notes']:,} notes, {report['hours']:.1f} hours"]
    for split, counts in report["splits"].items():
        lines.append(
            f"  {split:<11}{counts['files']:>7} files {counts['notes']:>12,} notes {counts['hours']:>8.2f} hours"
            f" {counts['windows']:>8,} windows of 128"
        )
    for kind in ("files", "notes"):
        left_out = report[f"{kind}_left_out"]
        lines.append(f"{kind} left out: {sum(left_out.values()):,}")
        lines += [f"  {count:,}: {reason}" for reason, count in left_out.items()]
    shown = report["left_out"][:_MOST_NAMES]
    lines += [f"  {entry['name']}: {entry['reason']}" for entry in shown]
    total = sum(report["files_left_out"].values())
    if total > len(shown):
        lines.append(f"  … and {total - len(shown)} more; data.json names the first {len(report['left_out'])}")
    lines.append(f"{read / seconds:.0f} files/s on {jobs} process{'es' * (jobs > 1)}, {seconds:.1f} s in all")
    if not report["splits"]["validation"]["windows"]:
        lines.append("No validation piece holds 128 notes: there is nothing to score a training on.")
    return "\n".join(lines)
