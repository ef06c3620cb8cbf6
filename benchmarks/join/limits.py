"""Where the time of the join goes, by what was measured beside it."""

from benchmarks.harness.process import Row
from benchmarks.harness.shares import busy, disk
from benchmarks.join.contenders import FLOOR, OURS

NAMES = "Spark by names"
HALVES = {
    "the key alone": "Spark by key, row by row",
    "summing first alone": "Spark by names, summed first",
}


def limits(results: Row) -> list[str]:
    """Say what share of ours is the scan alone, and how busy cores and disk were."""
    rows = [row for row in results["contenders"] if "seconds" in row]
    even = [row for row in rows if not row.get("is_skewed")]
    last = {row["name"]: row for row in even}
    if OURS not in last:
        return []
    ours, cores = last[OURS], results["machine"]["cores"]
    said = [*_scan(ours, last.get(FLOOR)), *_names(ours, last.get(NAMES))]
    said += [*_halves(last), *_memory(even), *_skew(rows)]
    return [*said, f"`{OURS}`: {busy(ours, cores)}; {disk(ours)}."]


def _memory(rows: list[Row]) -> list[str]:
    raced = {row["case"] for row in rows if row["name"] == FLOOR}
    ours = [row for row in rows if row["name"] == OURS and row["case"] in raced]
    if len(ours) < 2:
        return []
    first, last = ours[0], ours[-1]
    more, ratio = last["rows"] / first["rows"], last["peak_mib"] / first["peak_mib"]
    return [f"`{OURS}` on {more:.1f} times the rows takes {ratio:.2f} times the memory."]


def _skew(rows: list[Row]) -> list[str]:
    ours = [row for row in rows if row["name"] == OURS]
    skewed = [row for row in ours if row.get("is_skewed")]
    even = [row for row in ours if not row.get("is_skewed")]
    if not skewed or not even:
        return []
    one = skewed[0]
    like = min(even, key=lambda row: abs(row["rows"] - one["rows"]))
    a_row = (one["seconds"] / one["rows"]) / (like["seconds"] / like["rows"])
    return [
        f"With 30 % of the rows in one wafer and 2 % in none, a row takes `{OURS}` "
        f"{a_row:.2f} times as long."
    ]


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
        f"Joining row by row by two strings, instead of summing first and joining by one bigint, "
        f"takes {seconds:.2f} times as long and {cpu:.2f} times the processor time."
    ]


def _halves(last: dict[str, Row]) -> list[str]:
    """Which of the two that ours does brings how much of it."""
    if NAMES not in last:
        return []
    names = last[NAMES]["seconds"]
    told = [f"{what} {names / last[n]['seconds']:.2f}" for what, n in HALVES.items() if n in last]
    return [f"The speed-up over the join by names is: {', '.join(told)}."] if told else []
