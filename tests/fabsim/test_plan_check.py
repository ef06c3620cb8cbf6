"""What a plan names must exist in it, and its testers must have time for a lot."""

from dataclasses import replace

import pytest

from fabsim.plan.excursions import Bystander, Effect, Kind, Shape
from fabsim.plan.final_test import FinalTest, Heap, Numbering
from fabsim.plan_check import check
from fabyield.errors import ConfigError
from tests.fabsim.fabs import ETCH, HARMLESS, excursion, with_excursion

PROBE = {"insertion": "CP1", "node_nam": "cp-a01", "site_num": "3"}
DRIFT = ETCH | {"sensor": "rf_power"}
BAD_CHAMBER = excursion(Kind.BAD_CHAMBER, ETCH)


def first(records, **changes):
    return (replace(records[0], **changes), *records[1:])


def bystander(excursion="story", chamber_id="A"):
    return Bystander(excursion, "cmp_ild", "CMP03", chamber_id, 0.9, 0.1)


def refused(plan, message):
    with pytest.raises(ConfigError, match=message):
        check(plan)


def test_names_of_the_route_areas_and_groups_must_exist(plan):
    refused(replace(plan, route=first(plan.route, area="etc")), "clean_start: area: 'etc' .* etch")
    refused(replace(plan, areas=first(plan.areas, drift_group="x")), "litho: drift_group: 'x' is")
    refused(replace(plan, groups=first(plan.groups, pcm="x")), "groups contact: pcm: 'x' is not")


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        (Effect(1.0, 0.0, Shape.RANDOM, "luck"), "excursions story: effect.group: 'luck' is not"),
        (replace(HARMLESS, pcm_sigma={"luck": 1.0}), "story: effect.pcm_sigma: 'luck' is not in"),
    ],
)
def test_what_an_excursion_moves_must_exist(plan, effect, message):
    refused(with_excursion(plan, excursion(Kind.BAD_CHAMBER, ETCH, effect)), message)


@pytest.mark.parametrize(
    ("kind", "at", "message"),
    [
        (Kind.BAD_CHAMBER, ETCH | {"process_step": "etch"}, "process_step: 'etch' is not in"),
        (Kind.BAD_CHAMBER, ETCH | {"chamber_id": "C"}, "'etch_gate/ETCH02/C' is not in"),
        (Kind.BAD_CHAMBER, ETCH | {"equipment_id": "CVD01"}, "'etch_gate/CVD01/B' is not in"),
        (Kind.BAD_CHAMBER, DRIFT, "a bad_chamber is at process_step, equipment_id, chamber_id"),
        (Kind.DRIFTING_SENSOR, DRIFT | {"sensor": "luck"}, "sensor: 'luck' is not in"),
        (Kind.DRIFTING_SENSOR, DRIFT | {"sensor": "bath_temp"}, "sensor: 'bath_temp' is not in"),
        (Kind.WRONG_RECIPE, {"process_step": "x", "recipe_id": "R"}, "process_step: 'x' is not in"),
        (Kind.PROBE_SITE, PROBE | {"insertion": "CP9"}, "insertion: 'CP9' is not in"),
        (Kind.PROBE_SITE, PROBE | {"site_num": "5"}, "site_num: '5' is not in"),
        (Kind.PROBE_SITE, PROBE | {"node_nam": "no-such"}, "node_nam: 'no-such' is not in"),
        (Kind.MATERIAL_LOT, {}, "a material_lot is at material_id"),
    ],
)
def test_place_of_an_excursion_must_exist(plan, kind, at, message):
    refused(with_excursion(plan, excursion(kind, at)), message)


def test_product_of_an_excursion_must_exist(plan):
    refused(with_excursion(plan, replace(BAD_CHAMBER, product_id="M1")), "product_id: 'M1' is not")


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (bystander(excursion="other"), "bystanders: excursion: 'other' is not in the plan"),
        (bystander(chamber_id="Z"), "bystanders: chamber: 'cmp_ild/CMP03/Z' is not in the plan"),
    ],
)
def test_bystander_of_nothing_or_nowhere_is_refused(plan, of, message):
    refused(replace(plan, excursions=(BAD_CHAMBER,), bystanders=(of,)), message)


def test_bystander_of_what_is_in_no_chamber_is_refused(plan):
    worn = excursion(Kind.PROBE_SITE, PROBE)

    refused(replace(plan, excursions=(worn,), bystanders=(bystander(),)), "excursion: 'story' is")


@pytest.mark.parametrize(
    "habits",
    [
        FinalTest(rescreens=1, sites_number_alone=True),
        FinalTest(rescreens=1, testers=2, rescreen_of=Heap.LOT),
    ],
)
def test_numbers_that_several_rejects_have_are_refused_for_rescreens(plan, habits):
    refused(replace(plan, final_test=habits), "rescreen_numbering: 'first', but with .*: use anew")
    check(replace(plan, final_test=replace(habits, rescreen_numbering=Numbering.ANEW)))


def test_worn_site_at_one_of_several_testers_of_a_lot_is_refused(plan):
    at = {"insertion": "FT1", "node_nam": "ft-a01", "site_num": "3"}
    worn = with_excursion(plan, excursion(Kind.PROBE_SITE, at))

    check(worn)
    refused(replace(worn, final_test=FinalTest(testers=2)), "testers: 2, but excursion story is at")


def test_lot_that_takes_longer_than_a_day_of_a_tester_is_refused(plan):
    small_die = first(plan.products, die_width_mm=3.0, die_height_mm=3.0)

    refused(replace(plan, products=small_die), "a lot of M16G takes 5.* h at CP1, but testers have")
