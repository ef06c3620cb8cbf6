"""The truth agrees with the fab: wafers, die, sessions, tests and causes."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from fabsim.line.excursion_hits import window
from fabsim.line.history import LineRun
from fabsim.plan.excursions import Bystander, Effect, Kind, Pattern, Scarcity, Shape
from fabsim.plan.wafer_map import wafer_map
from fabsim.truth import bystander_rows, die_table, excursion_rows, wafer_rows
from fabsim.truth import test_rows as rows_of_tests
from fabsim.wafer.defects import damage
from tests.fabsim.fabs import (
    CP1,
    ETCH,
    all_sessions,
    excursion,
    is_share,
    small,
    with_excursion,
)

EFFECT = Effect(12.5, 1.5, Shape.EDGE_RING, "vth", 1, 1.5)
BAD = excursion(Kind.BAD_CHAMBER, ETCH, EFFECT, from_night=2)


@pytest.fixture(scope="module")
def built(plan):
    beside = Bystander("story", "cmp_ild", "CMP03", "A", 0.8, 0.2)
    some = (Pattern(Shape.CENTRE, 0.3, (0.5, 0.5)),)
    bad = with_excursion(small(plan).changed(wafers_per_lot=6), BAD)
    return LineRun.until(replace(bad, bystanders=(beside,), patterns=some), 6)


@pytest.fixture(scope="module")
def finished(built):
    return [lot for lot in built.lots if lot.is_finished]


def test_the_truth_has_the_window_and_the_wafers_of_a_bad_chamber(built):
    (row,) = excursion_rows(built)
    when = window(built.plan, built.tools, built.lots, BAD)

    assert (row["kind"], row["at"], row["group"]) == ("bad_chamber", ETCH, "vth")
    assert (row["begins_at"].timestamp(), row["ends_at"]) == (when.begins, None)
    assert row["wafers"] == sum((one > 0).sum() for one in built.hits) > 5


def test_the_truth_has_no_window_before_it_is_known(plan):
    later = replace(BAD, from_night=40, until_night=50)
    (row,) = excursion_rows(LineRun.until(with_excursion(plan, later), 1))

    assert (row["begins_at"], row["ends_at"], row["wafers"]) == (None, None, 0)


def test_a_bystander_is_named_with_its_excursion(built):
    (row,) = bystander_rows(built)

    assert row == {
        "excursion": "story",
        "process_step": "cmp_ild",
        "equipment_id": "CMP03",
        "chamber_id": "A",
    }


def test_a_bystander_harms_none(built, finished):
    step, number = built.tools.step("cmp_ild"), built.tools.number("CMP03", "A")
    causes = set()
    for lot in finished:
        for slot in lot.slots.tolist():
            harm, hit = damage(built, lot, slot), built.hits[lot.index][0, slot - 1]
            if lot.chamber[step, slot - 1] == number and not hit:
                causes |= {harm.causes[one] for one in harm.cause}
    assert causes == {"good", "defect", "pattern"}


def test_wafer_rows_have_pattern_excursions_and_bad_die(built, finished):
    for lot in finished:
        for row in wafer_rows(built, lot, None):
            slot = int(row["wafer_id"])
            harm, hit = damage(built, lot, slot), built.hits[lot.index][0, slot - 1]
            assert row["bad_die"] == harm.is_bad.sum()
            assert row["pattern"] == (harm.pattern and harm.pattern.value)
            assert row["excursions"] == ([("story", 1.0)] if hit else [])


def test_die_rows_have_place_cause_and_insertion(built, finished):
    lot = finished[-1]
    harm, die = damage(built, lot, 3), wafer_map(built.plan.products[0])
    told = [row for row in die_table(built, lot).to_pylist() if row["wafer_id"] == "03"]
    finders = np.array(["CP1", "CP2", "FT1", None])[harm.caught_at]

    places = list(zip(die.x_coord.tolist(), die.y_coord.tolist(), strict=True))
    assert [(row["x_coord"], row["y_coord"]) for row in told] == places
    assert [row["cause"] for row in told] == [harm.causes[one] for one in harm.cause]
    assert [row["caught_at"] for row in told] == np.where(harm.is_bad, finders, None).tolist()
    assert sum(row["caught_at"] == "CP1" for row in told) > 0


def test_scarce_defects_have_a_label_of_their_own(plan):
    scarce = replace(small(plan), scarcity=Scarcity(5_000, 100_000))
    built = LineRun.until(scarce, 1)
    causes = Counter(die_table(built, built.lots[0])["cause"].to_pylist())

    assert set(causes) == {"good", "defect"}


def test_escapes_are_the_bad_die_that_nobody_finds(built, finished):
    for lot in finished[:5]:
        die = die_table(built, lot).to_pylist()
        for row in wafer_rows(built, lot, None):
            mine = [one for one in die if one["wafer_id"] == row["wafer_id"]]
            bad = [one for one in mine if one["cause"] != "good"]
            assert row["bad_die"] == len(bad)
            assert row["escaped_die"] == sum(one["caught_at"] is None for one in bad)


def test_test_rows_have_what_their_results_depend_on(built):
    tests = list(rows_of_tests(built))
    (vth,) = [row for row in tests if (row["insertion"], row["test_txt"]) == ("CP1", "vth_01")]

    assert Counter(row["insertion"] for row in tests) == {"CP1": 9, "CP2": 9, "FT1": 9}
    assert (vth["nominal"], vth["sigma"], vth["rho"]) == (0.42, 0.012, 0.6)
    assert (vth["pcm_test"], vth["pcm_sigma"]) == ("vth_n", 0.5)


# What a fab has written.


def test_every_wafer_of_a_sorted_lot_has_one_row_in_its_night(fab):
    rows = fab.true("wafers")
    nights = {(row["lot_id"], row["insertion"]): row["night_on"] for row in fab.true("yields")}

    assert len({(row["lot_id"], row["wafer_id"]) for row in rows}) == len(rows) == 40
    assert all(row["night_on"] == nights[row["lot_id"], "CP1"] for row in rows)
    assert {row["lot_id"] for row in fab.true("die")} == {row["lot_id"] for row in rows}


def test_every_known_session_has_one_row(fab):
    rows = fab.true("yields")
    expected = {
        (one.lot.lot_id, f"{one.slot:02d}" if one.slot else None, number)
        for number in range(3)
        for one in all_sessions(fab.built, number)
        if one.place.night <= 4
    }

    names = ["CP1", "CP2", "FT1"]
    assert {(r["lot_id"], r["wafer_id"], names.index(r["insertion"])) for r in rows} == expected
    assert len(rows) == len(expected)


def test_lost_die_are_caught_or_keep_a_bad_contact(fab):
    at_cp1 = Counter()
    for die in fab.true("die"):
        at_cp1[die["lot_id"], die["wafer_id"]] += die["caught_at"] == "CP1"
    rows = [row for row in fab.true("yields") if row["insertion"] == "CP1"]
    works = [61 - at_cp1[row["lot_id"], row["wafer_id"]] for row in rows]
    lost = [good - row["good_die"] for good, row in zip(works, rows, strict=True)]

    assert min(lost) >= 0
    # One contact of ten is bad, and a retest cures 93 of 100.
    assert is_share(sum(lost), sum(works), 0.1 * 0.07)
    assert all(r["first_pass_die"] + r["recovered_die"] == r["good_die"] for r in rows)


def test_a_bad_chamber_costs_the_wafers_it_hits_their_points_of_final_yield(plan):
    bad = LineRun.until(with_excursion(replace(plan, patterns=()), BAD), 3)
    points, hit = [], []
    for one in all_sessions(replace(bad, lots=bad.lots[:9]), CP1):
        points.append(100 * len(one.touches.good) / one.die.gross_die)
        hit.append(bad.hits[one.lot.index][0, one.slot - 1] > 0)
    points, hit = np.array(points), np.array(hit)
    loss = points[~hit].mean() - points[hit].mean()
    chance = np.sqrt(points[hit].var() / hit.sum() + points[~hit].var() / (~hit).sum())

    # CP1 finds 96 % of the 12.5 points; of a die in 25 another cause was there first.
    assert abs(loss - 12.5 * 0.96 * 0.96) < 4 * chance < 2.0
    assert points[hit].max() < np.median(points[~hit])
