"""Scenarios hold what they say, as far as the fab alone decides it."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from fabsim import load_plan, scenarios
from fabsim.line.excursion_hits import window
from fabsim.line.history import LineRun
from fabsim.plan.excursions import Dirt, Kind, Scarcity
from fabsim.plan.final_test import FinalTest
from fabsim.testers.sessions import sessions
from fabsim.testers.write_stdf import stdf_file
from fabsim.wafer.defects import damage
from fabsim.wafer.die_levels import die_levels
from fabyield.errors import ConfigError
from tests.fabsim.fabs import CP1, CP2, FT1

NAMES = ["quiet", "bad_chamber", "new_product", "dirty_night", "few_defects", "big", "test_floor"]


def test_there_are_seven_scenarios():
    assert list(scenarios()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_scenario_loads_and_says_what_it_is_about(name):
    one = scenarios()[name]

    assert load_plan(scenario=name).seed == 20260302
    assert one.about.endswith(".")
    assert all(sentence.endswith(".") for sentence in one.says)


def test_quiet_is_the_plan_as_it_is(plan):
    assert load_plan(scenario="quiet") == plan
    assert (plan.excursions, plan.dirt, plan.scarcity) == ((), Dirt(), Scarcity(0, 100_000))


def test_an_unknown_scenario_is_refused_with_a_list_of_the_known_ones():
    with pytest.raises(ConfigError, match=r"scenario luck: .* quiet, bad_chamber, new_product"):
        load_plan(scenario="luck")


def test_scenario_changes_what_it_names_and_nothing_else(plan):
    bad = load_plan(scenario="bad_chamber")

    assert [one.kind for one in bad.excursions] == [Kind.BAD_CHAMBER]
    assert bad.bystanders[0].excursion == bad.excursions[0].name
    assert (bad.route, bad.dirt, bad.products) == (plan.route, plan.dirt, plan.products)


def test_dirty_night_has_every_kind_of_cause_but_a_recipe():
    dirty = load_plan(scenario="dirty_night")

    assert {one.kind for one in dirty.excursions} == set(Kind) - {Kind.WRONG_RECIPE}
    assert all(getattr(dirty.dirt, name) for name in Dirt.__dataclass_fields__)


def test_the_test_floor_has_every_habit_and_nothing_else(plan):
    floor = load_plan(scenario="test_floor")

    habits, usual = vars(floor.final_test), vars(FinalTest())
    assert [name for name in habits if habits[name] == usual[name]] == ["rescreen_marks"]
    assert replace(floor, final_test=FinalTest()) == plan


def test_the_new_products_recipe_is_wrong_and_the_few_defects_are_few():
    new = load_plan(scenario="new_product")

    assert [one.kind for one in new.excursions] == [Kind.WRONG_RECIPE]
    assert [one.variant_of for one in new.products] == ["", "M16G"]
    assert load_plan(scenario="few_defects").scarcity == Scarcity(50, 100_000)


@dataclass(frozen=True)
class Wafer:
    """What became of a wafer: its product, due night, hits by excursion, pattern, yield of CP1."""

    product: int
    night: int
    hit: list[float]
    pattern: str | None
    yield_pct: float


def wafers(built):
    return [wafer(built, lot, slot) for lot in built.lots if lot.is_finished for slot in lot.slots]


def wafer(built, lot, slot):
    harm = damage(built, lot, int(slot))
    lost = harm.is_bad & (harm.caught_at == CP1)
    hit = built.hits[lot.index][:, slot - 1].tolist()
    return Wafer(lot.product, lot.night, hit, harm.pattern, 100 * (1 - lost.mean()))


def mean(some):
    found = [one.yield_pct for one in some if one.pattern is None]
    assert len(found) > 30
    return np.mean(found)


def told_window(built, number):
    when = window(built.plan, built.tools, built.lots, built.plan.excursions[number])
    return [built.plan.calendar.night_of(at) for at in (when.begins, when.ends - 1)]


def test_quiet_yields_lie_where_it_says_and_low_wafers_have_a_pattern():
    found = wafers(LineRun.until(load_plan(scenario="quiet"), 12))
    calm = [one for one in found if one.pattern is None]
    inside = [92.5 < one.yield_pct < 99.5 for one in calm]

    assert 0.96 - 0.02 < len(calm) / len(found) < 0.96 + 0.02
    assert all(inside)
    assert mean(found) == pytest.approx(96.9, abs=0.2)
    assert all(one.pattern for one in found if one.yield_pct < 90)


def test_a_bad_chamber_costs_and_shifts_what_it_says():
    built = LineRun.until(load_plan(scenario="bad_chamber"), 6)
    found = wafers(built)
    begins = window(built.plan, built.tools, built.lots, built.plan.excursions[0]).begins
    second = built.plan.calendar.begins(2)
    program = built.programs[CP1]
    vth = np.flatnonzero(program.group == built.plan.group_number("vth"))
    levels = {True: [], False: []}
    for lot in built.lots[:18]:
        for slot in range(1, 26):
            levels[bool(built.hits[lot.index][0, slot - 1])].append(
                die_levels(built, lot, slot, program, np.arange(200))[:, vth].mean(axis=0)
            )
    shift = np.mean(levels[True], axis=0) - np.mean(levels[False], axis=0)

    assert 11 < mean(o for o in found if not o.hit[0]) - mean(o for o in found if o.hit[0]) < 12
    assert shift == pytest.approx([1.9] * 4 + [0.4] * 4, abs=0.15)
    assert (second - begins) / 86_400 == pytest.approx(12, abs=1)


def test_a_new_product_is_worse_and_its_first_wafers_more_so():
    found = wafers(LineRun.until(load_plan(scenario="new_product"), 9))
    old = mean(one for one in found if one.product == 0)
    new = mean(one for one in found if one.product == 1 and not one.hit[0])
    wrong = [one for one in found if one.hit[0]]

    assert old == pytest.approx(96.9, abs=0.2)
    assert old - new == pytest.approx(9, abs=1)
    assert 4.5 < new - mean(wrong) < 6.5
    assert {one.product for one in wrong} == {1}
    assert {one.night for one in wrong} <= {3, 4, 5}
    assert min(one.night for one in found if one.product == 1) == 3


def test_a_dirty_night_has_its_causes_when_it_says():
    built = LineRun.until(load_plan(scenario="dirty_night"), 10)
    found = wafers(built)
    names = [one.name for one in built.plan.excursions]
    nights = {
        name: {one.night for one in found if one.hit[number]} for number, name in enumerate(names)
    }

    assert nights["blank_wafers"] == {5, 6}
    assert nights["passivation_sensor"] <= {9, 10, 11}
    assert nights["passivation_sensor"] >= {9, 10}
    assert told_window(built, names.index("passivation_sensor")) == [2, 5]
    assert {n: one.from_night for n, one in zip(names, built.plan.excursions, strict=True)} == {
        "etch_gate_chamber": 2,
        "worn_probe": 4,
        "passivation_sensor": 9,
        "blank_wafers": 5,
        "new_revision": 8,
    }


def test_few_defects_leave_three_of_four_wafers_whole():
    found = wafers(LineRun.until(load_plan(scenario="few_defects"), 8))
    yields = np.array([one.yield_pct for one in found])

    assert yields.mean() == pytest.approx(99.95, abs=0.01)
    assert (yields == 100).mean() == pytest.approx(0.75, abs=0.04)


def test_a_lot_of_the_big_fab_is_as_big_as_it_says(plan):
    big = load_plan(scenario="big").changed(lots_per_night=5, wafers_per_lot=1)
    built = LineRun.until(big, 1)
    lot_gb = [
        25 * sum(len(stdf_file(one)) for n in (CP1, CP2, FT1) for one in sessions(built, lot, n))
        for lot in built.lots[:2]
    ]

    assert lot_gb == pytest.approx([0.3e9, 1e9], rel=0.1)


def test_scenarios_change_only_the_intended_fields_of_a_product_or_insertion(plan):
    new, big = load_plan(scenario="new_product"), load_plan(scenario="big")

    assert new.products[0] == plan.products[0]
    for one, usual in zip(big.insertions, plan.insertions, strict=True):
        assert (one.insertion, one.job_nam, one.job_rev) == (
            usual.insertion,
            usual.job_nam,
            usual.job_rev,
        )
        assert (one.coverage, one.share) == (usual.coverage, usual.share)
    assert big.bystanders == load_plan(scenario="bad_chamber").bystanders
