"""A finding in a sentence."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

Row = dict[str, Any]


def sentence(excursion: Row, found: Sequence[Row]) -> str:
    """Say where, how many wafers, how much, since when, in what way, and what comes next."""
    where = f"{excursion['level']} at {excursion['process_step']}"
    if excursion["factor_kind"] in ("tester", "program"):
        where = f"{excursion['factor_kind']} {excursion['level']}"
    alike = [row["subject"] for row in found if row["kind"] == "alike"]
    where += "".join(f" (or {name}: the same wafers)" for name in alike[:1])
    count = excursion["affected_wafers"]
    lost = f"{excursion['effect_points']:+.1f} points at {excursion['insertion']}"
    until = f" until {excursion['until_lot']}" if excursion["state"] == "ended" else ""
    parts = [
        f"{where}: {count:,} {'wafer' if count == 1 else 'wafers'}",
        f"{lost} since {excursion['since_lot']}{until}",
        _zone_phrase([row for row in found if row["kind"] == "zone"]),
        _test_phrase([row for row in found if row["kind"] == "test"]),
    ]
    text = ", ".join(filter(None, parts))
    waiting = excursion["in_line_wafers"]
    if waiting:
        wafers = "wafer" if waiting == 1 else "wafers"
        text += f"; {waiting:,} {wafers} in line went through it"
    return f"{text}."


def _zone_phrase(zones: Sequence[Row]) -> str:
    """Name the zone that loses at least twice as much as the next one."""
    if len(zones) < 2:
        return ""
    worst, second = sorted(zones, key=lambda row: row["difference"])[:2]
    names = {"edge": "at the edge", "centre": "in the centre", "ring": "in a ring"}
    is_clear = worst["difference"] < 2 * min(second["difference"], 0) and worst["difference"] < -1
    return names[worst["subject"]] if is_clear else "over the whole wafer"


def _test_phrase(tests: Sequence[Row]) -> str:
    """Name the tests that moved at least half as far as the one that moved most."""
    if not tests:
        return ""
    most = max(abs(row["difference"]) for row in tests)
    moved = [row for row in tests if abs(row["difference"]) >= most / 2]
    sides = {"high": [row["subject"] for row in moved if row["difference"] > 0]}
    sides["low"] = [row["subject"] for row in moved if row["difference"] < 0]
    return ", ".join(f"{names(found)} {side}" for side, found in sides.items() if found)


def names(subjects: Iterable[str], most: int = 3) -> str:
    """Join names, consecutive numbers at their end as a range: vth_01..04."""
    runs: list[list[str]] = []
    for name in sorted({*subjects}, key=_stem_and_number):
        if runs and _follows(runs[-1][-1], name):
            runs[-1].append(name)
        else:
            runs.append([name])
    texts = [run[0] if len(run) == 1 else f"{run[0]}..{_number(run[-1])}" for run in runs]
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


def _stem_and_number(name: str) -> tuple[str, int]:
    digits = _number(name)
    return name.removesuffix(digits), int(digits or 0)


def _number(name: str) -> str:
    """Return the digits at the end of a name."""
    found = re.search(r"[0-9]*$", name)
    return found[0] if found else ""


def _follows(one: str, other: str) -> bool:
    stem, digits = one.removesuffix(_number(one)), _number(one)
    is_alike = other.startswith(stem) and other[len(stem) :] == _number(other)
    return bool(digits) and is_alike and int(_number(other) or -1) == int(digits) + 1
