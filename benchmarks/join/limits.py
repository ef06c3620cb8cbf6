"""Where the time of the join goes, by what was measured beside it."""

from benchmarks.harness.process import Row
from benchmarks.harness.shares import busy, disk
from benchmarks.join.contenders import FLOOR, OURS

NAMES = "Spark by names"


def limits(results: Row) -> list[str]:
    """Say what share of ours is the scan alone, and how busy cores and disk were."""
    last = {row["name"]: row for row in results["contenders"] if "seconds" in row}
    if OURS not in last:
        return []
    ours, cores = last[OURS], results["machine"]["cores"]
    said = [*_scan(ours, last.get(FLOOR)), *_names(ours, last.get(NAMES))]
    return [*said, f"`{OURS}`: {busy(ours, cores)}; {disk(ours)}."]


def _scan(ours: Row, floor: Row | None) -> list[str]:
    if floor is None:
        return []
    share = 100 * floor["seconds"] / ours["seconds"]
    return [
        f"Of the {ours['seconds']:.2f} s of `{OURS}`, Spark needs {floor['seconds']:.2f} s "
        f"({share:.0f} %) to read and aggregate the same values without a join; "
        f"the join and the finer groups take the other {max(0, 100 - share):.0f} %."
    ]


def _names(ours: Row, names: Row | None) -> list[str]:
    if names is None:
        return []
    seconds, cpu = (names[key] / ours[key] for key in ("seconds", "cpu_seconds"))
    return [
        f"Joining by two strings in place of one bigint takes {seconds:.2f} times as long, and "
        f"{cpu:.2f} times the processor time."
    ]
