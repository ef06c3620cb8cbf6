"""What share of the files each question reads, and what the layouts cost."""

from benchmarks.harness.process import Row
from benchmarks.queries.layouts import DECLARED


def limits(results: Row) -> list[str]:
    """Say how much is read, how the other layouts compare, and what a night's writing costs."""
    rows = [row for row in results["contenders"] if "seconds" in row]
    return [
        *_read(rows),
        *_layouts(results.get("layouts", [])),
        *_writings(results.get("writings", [])),
    ]


def _read(rows: list[Row]) -> list[str]:
    told = []
    for question in dict.fromkeys(row["case"] for row in rows):
        of_all = [row for row in rows if row["case"] == question]
        shares = ", ".join(f"{row['name']} {row['files_read']}" for row in of_all)
        told.append(f"{question}: of {of_all[0]['files']} files {shares} are read.")
    return told


def _layouts(layouts: list[Row]) -> list[str]:
    declared = next((row for row in layouts if row["case"] == DECLARED), None)
    others = [row for row in layouts if row is not declared]
    if declared is None or not others:
        return []
    return [_layout(row, declared) for row in others]


def _layout(row: Row, declared: Row) -> str:
    compared = [
        f"{question} reads {one['files_read']} files in place of {other['files_read']}"
        for question, one in row["asked"].items()
        if "files_read" in one and "files_read" in (other := declared["asked"][question])
    ]
    seconds = f"{row['optimize_seconds']:.0f} s in place of {declared['optimize_seconds']:.0f} s"
    return f"{row['case']} ({row['about']}): {', '.join(compared)}; OPTIMIZE takes {seconds}."


def _writings(writings: list[Row]) -> list[str]:
    if not writings:
        return []
    declared = writings[0]["seconds"]
    told = [f"{row['case']} {row['seconds'] / declared:.2f}" for row in writings[1:]]
    return [f"Writing a night as declared takes {declared:.2f} s; multiples: {', '.join(told)}."]
