"""Where a night's time goes, by its steps and by nights of other sizes."""

from benchmarks.harness.process import Row
from benchmarks.harness.shares import busy, disk, largest

FLOOR = "decode alone"
SIZE = "size"


def of_nights(results: Row, name: str) -> list[Row]:
    """The nights of several sizes that were measured, smallest first."""
    ran = [row for row in results["contenders"] if row["name"] == name and "seconds" in row]
    rows = [row for row in ran if row.get("kind", SIZE) == SIZE]
    return sorted(rows, key=lambda row: row["mb"])


def limits(results: Row) -> list[str]:
    """Say what a night costs at least, what a MB adds, and which steps and parts it goes to."""
    rows = of_nights(results, "nightly")
    if not rows:
        return []
    largest_night, floors = rows[-1], of_nights(results, FLOOR)
    said = _growth(rows[0], largest_night) if len(rows) > 1 else []
    steps = f"Of {largest_night['case']}: {largest(largest_night['stages'], 5)} of the steps' time."
    cores = f"{busy(largest_night, results['machine']['cores'])}; {disk(largest_night)}."
    return [*said, steps, *_decoding(largest_night, floors[-1:]), cores]


def _growth(small: Row, large: Row) -> list[str]:
    per_mb = (large["seconds"] - small["seconds"]) / (large["mb"] - small["mb"])
    fixed = small["seconds"] - per_mb * small["mb"]
    cpu = (large["cpu_seconds"] - small["cpu_seconds"]) / (large["mb"] - small["mb"])
    return [
        f"Each additional MB takes {1000 * cpu:.0f} ms of processor time over all processes.",
        f"A night has a fixed cost of {fixed:.0f} s, plus {per_mb:.3f} s for each MB of STDF "
        f"({small['mb']:,.0f} and {large['mb']:,.0f} MB compared); at {large['mb']:,.0f} MB the "
        f"fixed part is {100 * fixed / large['seconds']:.0f} %.",
    ]


def _decoding(night: Row, floors: list[Row]) -> list[str]:
    return [
        f"Decoding the same files, alone and on one core, takes {floor['seconds']:.1f} s, "
        f"{100 * floor['cpu_seconds'] / night['cpu_seconds']:.0f} % of the night's processor time."
        for floor in floors
    ]
