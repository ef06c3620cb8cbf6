"""Findings from the rows of a night: what is evident, and whether it is new."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from operator import itemgetter
from typing import Any

import numpy as np
from scipy import stats

from fabyield.statistics import adjusted
from fabyield.transforms.shared.finding_sentence import sentence

Row = dict[str, Any]
# An excursion has ended when the suspect's last lots, at least so many, are not affected.
LOTS_AFTER = 3
# Evidence that is kept: of tests and bins at most so many, tests that moved by so many standard
# deviations, bins with so many points more and so many times the share.
MOST, LEAST_SHIFT, MOST_Q, LEAST_POINTS, LEAST_RATIO = 20, 0.25, 0.01, 0.1, 1.5
PLACE = ("product_id", "insertion", "factor_kind", "process_step", "level")
FIGURES = (
    *("yield_pct", "other_yield_pct", "effect_points", "q_value", "affected_wafers"),
    *("affected_lots", "since_lot", "since_at", "until_lot", "until_at"),
)


def place_of(row: Row) -> tuple[str, ...]:
    """Return what a finding is about: product, insertion, kind, step and level."""
    return tuple(row[name] for name in PLACE)


def excursions(earlier: Iterable[Row], suspects: Iterable[Row], night_on: date) -> list[Row]:
    """Return the excursions of this night: the suspects, and what earlier nights found.

    A suspect continues the excursion at its place whose affected time overlaps its own.
    """
    known = sorted(earlier, key=lambda row: row["excursion_id"])
    found, continued = list[Row](), set[str]()
    for suspect in suspects:
        before = next((row for row in known if _is_same(row, suspect)), None)
        excursion = _excursion(suspect, before, night_on)
        continued.add(excursion["excursion_id"])
        found.append(excursion)
    ended = [row | {"state": "ended"} for row in known if row["excursion_id"] not in continued]
    return found + ended


def _is_same(before: Row, suspect: Row) -> bool:
    is_later = suspect["since_at"] > before["until_at"] and before["state"] == "ended"
    return place_of(before) == place_of(suspect) and not is_later


def _excursion(suspect: Row, before: Row | None, night_on: date) -> Row:
    names = (*(suspect[name] for name in PLACE if name != "factor_kind"), suspect["since_lot"])
    identity = before["excursion_id"] if before else " ".join(names)
    first = before["first_found_on"] if before else night_on
    state = "new" if first == night_on else "ongoing"
    return {
        **{name: suspect[name] for name in (*PLACE, *FIGURES)},
        "excursion_id": identity,
        "suspect_rank": suspect["suspect_rank"],
        "state": "ended" if suspect["lots_after"] >= LOTS_AFTER else state,
        "first_found_on": first,
        "last_found_on": night_on,
    }


def with_findings(
    found: Sequence[Row], counted: Sequence[Row], in_line: Sequence[Row], compared: Sequence[Row]
) -> tuple[list[Row], list[Row]]:
    """Return the excursions with losses, wafers in line and sentences, and their evidence.

    `counted` and `in_line` are the rows of `counted_evidence` and `in_line_wafers`, `compared`
    those of gold.commonality. Excursions of earlier nights are returned as they are.
    """
    rows, shown = list[Row](), list[Row]()
    for excursion in found:
        if "suspect_rank" not in excursion:
            rows.append(excursion)
            continue
        row, support = _with_finding(excursion, counted, in_line, compared)
        rows.append(row)
        shown += [one | {"excursion_id": row["excursion_id"]} for one in support]
    return rows, shown


def _with_finding(
    excursion: Row, counted: Sequence[Row], in_line: Sequence[Row], compared: Sequence[Row]
) -> tuple[Row, list[Row]]:
    mine = [row for row in counted if row["excursion_id"] == excursion["excursion_id"]]
    product = excursion["product_id"], excursion["insertion"]
    others = [
        row
        for row in counted
        if row["excursion_id"] is None and (row["product_id"], row["insertion"]) == product
    ]
    waiting = [row for row in in_line if row["excursion_id"] == excursion["excursion_id"]]
    support = [
        *evidence(mine, others),
        *_places(excursion, compared),
        *_lots("in_line_lot", [(row["lot_id"], row["wafers"]) for row in waiting]),
    ]
    support = list({(one["kind"], one["subject"]): one for one in support[::-1]}.values())[::-1]
    row = excursion | {
        "lost_good_die": lost_good_die(excursion, mine),
        "in_line_wafers": sum(one["wafers"] for one in waiting),
    }
    return row | {"finding": sentence(row, support)}, support


def _places(excursion: Row, compared: Sequence[Row]) -> list[Row]:
    """Return the places that share the wafers of an excursion: bystanders, or alike."""
    name = " ".join(excursion[part] for part in PLACE[2:])
    product = excursion["product_id"], excursion["insertion"]
    shared = [
        row
        for row in compared
        if row["explained_by"] == name and (row["product_id"], row["insertion"]) == product
    ]
    ranks: Counter[str] = Counter()
    rows = []
    for row in sorted(shared, key=lambda one: one["p_value"]):
        ranks[row["verdict"]] += 1
        subject = f"{row['level']} at {row['process_step']}"
        rows.append(
            {
                "kind": row["verdict"],
                "subject": subject,
                "value": row["p_value"],
                "unit": "p-value",
                "evidence_rank": ranks[row["verdict"]],
            }
        )
    return rows


def _lots(kind: str, wafers: Iterable[tuple[str, int]]) -> list[Row]:
    return [
        {"kind": kind, "subject": lot, "value": count, "unit": "wafers", "evidence_rank": rank}
        for rank, (lot, count) in enumerate(sorted(wafers), 1)
    ]


def lost_good_die(excursion: Row, counted: Sequence[Row]) -> float:
    """Return the good die that the affected wafers would have at the yield of the others."""
    tested, good = _die(counted)
    return max(0.0, float(tested * excursion["other_yield_pct"] / 100 - good))


def evidence(affected: Sequence[Row], others: Sequence[Row]) -> list[Row]:
    """Compare what was counted of an excursion's wafers with the wafers that none affected."""
    there = {(row["kind"], row["subject"], row["unit"]): row for row in others}
    pairs = [(row, there.get((row["kind"], row["subject"], row["unit"]))) for row in affected]
    tested = [_die(rows)[0] for rows in (affected, others)]
    zones = [_zone(row, other) for row, other in _of(pairs, "zone") if other]
    rows = [
        *_ranked(sorted(zones, key=itemgetter("difference"))),
        *(b for kind in ("hard_bin", "soft_bin") for b in _bins(_of(pairs, kind), *tested)),
        *_tests([(row, other) for row, other in _of(pairs, "test") if other]),
    ]
    lots = [(row["subject"], row["wafers"]) for row, _ in _of(pairs, "affected_lot")]
    return rows + _lots("affected_lot", lots)


Pair = tuple[Row, Row | None]


def _of(pairs: Iterable[Pair], kind: str) -> list[Pair]:
    return [pair for pair in pairs if pair[0]["kind"] == kind]


def _die(rows: Sequence[Row]) -> tuple[int, int]:
    """Return the tested and the good die."""
    return next(((row["total"], row["amount"]) for row in rows if row["kind"] == "die"), (0, 0))


def _compared(row: Row, value: float, other: float, **more: object) -> Row:
    values = {"value": value, "other_value": other, "difference": value - other}
    return {"kind": row["kind"], "subject": row["subject"], **values, **more}


def _zone(row: Row, other: Row) -> Row:
    yields = (100 * one["amount"] / one["total"] for one in (row, other))
    return _compared(row, *yields, unit="%")


def _bins(pairs: Sequence[Pair], tested: int, other_tested: int) -> list[Row]:
    """Return the bins that take a larger share of the affected wafers' die."""
    if not tested or not other_tested:
        return []
    rows = []
    for row, other in pairs:
        elsewhere = other["amount"] if other else 0
        shares = 100 * row["amount"] / tested, 100 * elsewhere / other_tested
        if shares[0] >= max(shares[1] + LEAST_POINTS, LEAST_RATIO * shares[1]):
            rows.append(_compared(row, *shares, unit="%"))
    return _ranked(sorted(rows, key=lambda row: -row["difference"])[:MOST])


def _tests(pairs: Sequence[tuple[Row, Row]]) -> list[Row]:
    """Return the tests whose wafer means moved by at least LEAST_SHIFT standard deviations."""
    usable = [(a, b) for a, b in pairs if _is_usable(a) and _is_usable(b) and b["sigma"]]
    if not usable:
        return []
    columns = (
        [[one[name] for one in side] for name in ("mean", "spread", "wafers")]
        for side in zip(*usable, strict=True)
    )
    sides = [(np.array(mean), np.array(spread), np.array(n)) for mean, spread, n in columns]
    p_values = stats.ttest_ind_from_stats(*sides[0], *sides[1], equal_var=False).pvalue
    q_values = adjusted(np.nan_to_num(p_values, nan=1.0))
    rows = []
    for (row, other), q_value in zip(usable, q_values.tolist(), strict=True):
        shift = (row["mean"] - other["mean"]) / other["sigma"]
        if q_value < MOST_Q and abs(shift) >= LEAST_SHIFT:
            more = {"unit": row["unit"], "p_value": q_value}
            rows.append(_compared(row, row["mean"], other["mean"], **more) | {"difference": shift})
    return _ranked(sorted(rows, key=lambda r: -abs(r["difference"]))[:MOST])


def _is_usable(row: Row) -> bool:
    return row["wafers"] > 1 and row["spread"] is not None


def _ranked(rows: Sequence[Row]) -> list[Row]:
    """Number rows in their order."""
    return [row | {"evidence_rank": rank} for rank, row in enumerate(rows, 1)]
