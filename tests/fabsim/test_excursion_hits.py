"""Whom an excursion hits, from when to when, and how strongly."""

from dataclasses import replace

import numpy as np
import pytest

from fabsim.calendar import DAY, NEVER
from fabsim.factory.rows import materials, recipes
from fabsim.line.excursion_hits import DRIFT_DAYS, window
from fabsim.line.history import LineRun
from fabsim.line.lots import lots_of_night
from fabsim.plan.excursions import Bystander, Kind
from tests.fabsim.fabs import ETCH, excursion, is_share, small, with_excursion

NIGHTS = 8
RECIPE = {"process_step": "etch_gate", "recipe_id": "EG-203"}
MATERIAL = {"material_id": "SUB9001"}


@pytest.fixture(scope="module")
def build(plan):
    """`build(excursion)`: eight nights of the line with it."""

    def make(one, nights=NIGHTS):
        return LineRun.until(with_excursion(small(plan), one), nights)

    return make


def at_place(built):
    """Per lot: which wafers were in the bad chamber, and when they came to its step."""
    step, number = built.tools.step("etch_gate"), built.tools.number("ETCH02", "B")
    return [(lot.chamber[step] == number, lot.started[step]) for lot in built.lots]


def first_at_step(built, night):
    lot = built.lots[lots_of_night(built.plan, night).start]
    return int(lot.started[built.tools.step("etch_gate")].min())


def test_a_bad_chamber_hits_only_its_own_wafers_between_two_lots(build):
    built = build(excursion(Kind.BAD_CHAMBER, ETCH, from_night=2, until_night=5))
    begins, ends = first_at_step(built, 2), first_at_step(built, 5)
    hit = [one[0] for one in built.hits]

    for strength, (there, started) in zip(hit, at_place(built), strict=True):
        inside = there & (begins <= started) & (started < ends)
        assert (strength == inside).all()
    assert sum(strength.sum() for strength in hit) > 20


def test_a_bad_chamber_that_is_never_repaired_hits_until_the_end(build):
    built = build(excursion(Kind.BAD_CHAMBER, ETCH, from_night=2))
    begins = first_at_step(built, 2)

    for (strength,), (there, started) in zip(built.hits, at_place(built), strict=True):
        assert (strength == (there & (started >= begins))).all()


def test_it_hits_the_share_of_wafers_that_it_should(build):
    built = build(excursion(Kind.BAD_CHAMBER, ETCH, share=0.4))
    there = np.concatenate([place for place, _ in at_place(built)])
    hit = np.concatenate([one[0] for one in built.hits])

    assert not hit[~there].any()
    assert is_share(hit.sum(), there.sum(), 0.4)


def test_a_window_is_open_until_its_end_is_known(build):
    one = excursion(Kind.BAD_CHAMBER, ETCH, from_night=2, until_night=25)
    built = build(one)
    when = window(built.plan, built.tools, built.lots, one)

    assert (when.begins, when.ends) == (first_at_step(built, 2), NEVER)
    assert [when.contains(at) for at in (when.begins - 1, when.begins)] == [False, True]


def test_a_drift_grows_steadily_to_its_whole_strength(build):
    drifting = ETCH | {"sensor": "rf_power"}
    built = build(excursion(Kind.DRIFTING_SENSOR, drifting, from_night=2, until_night=8))
    begins, ends = first_at_step(built, 2), first_at_step(built, 8)
    at, strength = [], []
    for (one,), (there, started) in zip(built.hits, at_place(built), strict=True):
        inside = there & (begins < started) & (started < ends)
        at += started[inside].tolist()
        strength += one[inside].tolist()
        assert not one[~inside & (started != begins)].any()

    expected = np.minimum((np.array(at) - begins) / (6 * DAY), 1.0)
    assert strength == pytest.approx(expected.tolist())
    assert (min(strength) < 0.3, max(strength) > 0.8) == (True, True)


def test_a_drift_that_never_ends_is_whole_after_some_days(build):
    built = build(excursion(Kind.DRIFTING_SENSOR, ETCH | {"sensor": "rf_power"}))
    begins = first_at_step(built, 1)
    for (one,), (there, started) in zip(built.hits, at_place(built), strict=True):
        late = there & (started >= begins + DRIFT_DAYS * DAY) & (started < NEVER)
        early = there & (started < begins + DRIFT_DAYS * DAY)
        assert (one[late] == 1.0).all()
        assert (one[early] < 1.0).all()


def test_a_drift_was_as_strong_before_its_end_was_known(build):
    one = excursion(
        Kind.DRIFTING_SENSOR, ETCH | {"sensor": "rf_power"}, from_night=1, until_night=20
    )
    early, late = build(one, nights=2), build(one, nights=20)
    ended = [window(b.plan, b.tools, b.lots, one).ends < NEVER for b in (early, late)]
    sorted_lots = [lot.index for lot in early.lots if lot.is_finished]

    assert ended == [False, True]
    assert sum(early.hits[index].sum() for index in sorted_lots) > 1
    for index in sorted_lots:
        assert (early.hits[index] == late.hits[index]).all()


def test_a_wrong_recipe_hits_a_share_of_the_wafers_between_two_lots_and_is_in_the_database(build):
    built = build(excursion(Kind.WRONG_RECIPE, RECIPE, from_night=3, until_night=6, share=0.5))
    step, hit, due = built.tools.step("etch_gate"), 0, 0
    begins, ends = first_at_step(built, 3), first_at_step(built, 6)
    for lot, (strength,) in zip(built.lots, built.hits, strict=True):
        wrong = np.array(recipes(built, lot, step)) == "EG-203"
        inside = (begins <= lot.started[step]) & (lot.started[step] < ends)
        assert (wrong == (strength == 1.0)).all()
        assert set(recipes(built, lot, step)) <= {"EG-203", "EG-204"}
        assert inside[wrong].all()
        hit, due = hit + wrong.sum(), due + inside.sum()
    assert is_share(hit, due, 0.5)


def test_an_excursion_of_one_product_hits_no_other(plan):
    other = replace(plan.products[0], product_id="OTHER")
    some = replace(small(plan), products=(plan.products[0], other))
    one = excursion(Kind.WRONG_RECIPE, RECIPE, product_id="OTHER")
    built = LineRun.until(with_excursion(some, one), 4)
    step = built.tools.step("etch_gate")
    for lot, (strength,) in zip(built.lots, built.hits, strict=True):
        came = lot.started[step] < NEVER
        assert (strength == came * float(lot.product == 1)).all()
    assert {lot.product for lot in built.lots} == {0, 1}


def test_a_wrong_recipe_is_wrong_at_its_step_only(build):
    built = build(excursion(Kind.WRONG_RECIPE, RECIPE))

    names = {recipes(built, built.lots[0], step)[0] for step in range(len(built.plan.route))}
    assert names - {one.recipe_id for one in built.plan.route} == {"EG-203"}
    assert "EG-204" not in names


def test_hit_wafers_are_made_of_the_bad_material(build):
    built = build(excursion(Kind.MATERIAL_LOT, MATERIAL, from_night=3, share=0.4))
    bad = np.array([np.array(materials(built, lot)) == "SUB9001" for lot in built.lots])
    hit = np.array([one[0] for one in built.hits])
    due = np.array([lot.night >= 3 for lot in built.lots])
    begins = window(built.plan, built.tools, built.lots, built.plan.excursions[0]).begins

    assert begins == min(lot.started_at for lot in built.lots if lot.night == 3)
    assert (bad == (hit == 1.0)).all()
    assert not bad[~due].any()
    assert is_share(bad[due].sum(), bad[due].size, 0.4)


def test_other_wafers_come_from_one_supplier_lot_for_eight_lots(build):
    built = build(excursion(Kind.MATERIAL_LOT, MATERIAL, share=0.0))
    names = [set(materials(built, lot)) for lot in built.lots[:17]]

    assert names == [{"SUB1"}] * 8 + [{"SUB2"}] * 8 + [{"SUB3"}]


@pytest.mark.parametrize(
    ("kind", "at"),
    [
        (Kind.PROBE_SITE, {"insertion": "CP1", "node_nam": "cp-a01", "site_num": "3"}),
        (Kind.PROGRAM_CHANGE, {"insertion": "CP1", "job_rev": "08"}),
    ],
)
def test_tester_excursions_hit_no_wafer(build, kind, at):
    assert not any(one.any() for one in build(excursion(kind, at), nights=2).hits)


def test_a_bystander_sees_most_of_the_wafers_that_were_in_the_bad_chamber(plan):
    beside = Bystander("story", "cmp_ild", "CMP03", "A", share_of_hit=0.8, share_of_others=0.2)
    bad = excursion(Kind.BAD_CHAMBER, ETCH)
    built = LineRun.until(replace(with_excursion(plan, bad), bystanders=(beside,)), NIGHTS)
    step, number = built.tools.step("cmp_ild"), built.tools.number("CMP03", "A")
    done = [lot for lot in built.lots if lot.is_finished]
    seen = np.array([lot.chamber[step] == number for lot in done])
    hit = np.array([built.hits[lot.index][0] > 0 for lot in done])

    # Each lot's shares are rounded to whole wafers; of about 6 hit ones, by at most a twelfth.
    assert abs(seen[hit].mean() - 0.8) < 1 / 12
    assert abs(seen[~hit].mean() - 0.2) < 1 / 12
