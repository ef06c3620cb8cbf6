"""What a plan names must exist in it, and its numbers must be in their bounds."""

from dataclasses import replace
from datetime import date

import pytest

from fabsim.plan.excursions import Bystander, Dirt, Effect, Kind, Scarcity, Shape
from fabsim.plan_checks.check import chambers, check
from fabyield.errors import ConfigError
from tests.fabsim.fabs import ETCH, HARMLESS, excursion, with_excursion, with_insertions

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
    refused(replace(plan, route=first(plan.route, area="lab")), "area of step clean_start: 'lab'")
    refused(replace(plan, areas=first(plan.areas, drift_group="x")), "drift_group of area litho")
    refused(replace(plan, groups=first(plan.groups, pcm="x")), "pcm of group contact: 'x' is none")


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        (Effect(1.0, 0.0, Shape.RANDOM, "luck"), "group of excursion story: 'luck' is none of"),
        (replace(HARMLESS, pcm_sigma={"luck": 1.0}), "pcm_sigma of excursion story: 'luck'"),
    ],
)
def test_tests_that_an_excursion_shifts_must_exist(plan, effect, message):
    refused(with_excursion(plan, excursion(Kind.BAD_CHAMBER, ETCH, effect)), message)


@pytest.mark.parametrize(
    ("kind", "at", "message"),
    [
        (Kind.BAD_CHAMBER, ETCH | {"process_step": "etch"}, "process_step 'etch' is not in"),
        (Kind.BAD_CHAMBER, ETCH | {"chamber_id": "C"}, "chamber etch_gate/ETCH02/C is not in"),
        (Kind.BAD_CHAMBER, ETCH | {"equipment_id": "CVD01"}, "etch_gate/CVD01/B is not in"),
        (Kind.BAD_CHAMBER, DRIFT, "but a bad_chamber is at process_step, equipment_id, chamber_id"),
        (Kind.DRIFTING_SENSOR, DRIFT | {"sensor": "luck"}, "sensor 'luck' is not in"),
        (Kind.DRIFTING_SENSOR, DRIFT | {"sensor": "bath_temp"}, "sensor 'bath_temp' is not in"),
        (Kind.WRONG_RECIPE, {"process_step": "x", "recipe_id": "R"}, "process_step 'x' is not in"),
        (Kind.PROBE_SITE, PROBE | {"insertion": "CP9"}, "insertion 'CP9' is not in"),
        (Kind.PROBE_SITE, PROBE | {"site_num": "5"}, "site_num '5' is not in"),
        (Kind.PROBE_SITE, PROBE | {"node_nam": "no-such"}, "node_nam 'no-such' is not in"),
        (Kind.MATERIAL_LOT, {}, "but a material_lot is at material_id"),
    ],
)
def test_place_of_an_excursion_must_exist(plan, kind, at, message):
    refused(with_excursion(plan, excursion(kind, at)), message)


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (bystander(excursion="other"), "excursion of a bystander: 'other' is none of story"),
        (bystander(chamber_id="Z"), "cmp_ild/CMP03/Z is on no step"),
    ],
)
def test_bystander_without_an_excursion_or_a_chamber_is_refused(plan, of, message):
    refused(replace(plan, excursions=(BAD_CHAMBER,), bystanders=(of,)), message)


def test_bystander_of_an_excursion_without_a_chamber_is_refused(plan):
    worn = excursion(Kind.PROBE_SITE, PROBE)

    refused(replace(plan, excursions=(worn,), bystanders=(bystander(),)), "story is in no chamber")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dirt": Dirt(late=1.5)}, "dirt.late: 1.5 is not between 0 and 1"),
        ({"dirt": Dirt(clock=-0.1)}, "dirt.clock: -0.1 is not"),
        ({"dirt": Dirt(truncated=0.6, corrupt=0.6)}, r"dirt.truncated \+ corrupt: 1.2"),
        ({"dirt": Dirt(split=0.6, merged=0.6)}, r"dirt.split \+ merged \+ renumbered: 1.2"),
        ({"dirt": Dirt(late_nights=(7, 1))}, r"late_nights: \[7, 1\] is not the least"),
        ({"excursions": (replace(BAD_CHAMBER, share=2.0),)}, "excursions story: share: 2.0"),
        ({"scarcity": Scarcity(100, 100)}, "scarcity: 100 of 100 is no share"),
        ({"zone": "Asia/Nowhere"}, "zone: 'Asia/Nowhere' is no IANA zone"),
        ({"zone": "Asia"}, "zone: 'Asia' is no IANA zone"),
        ({"dirt": Dirt(sensor_stuck=0.6, sensor_missing=0.6)}, r"sensor_missing \+ stuck"),
        ({"excursions": (replace(BAD_CHAMBER, name="defect"),)}, "excursions: defect stands 2"),
    ],
)
def test_number_out_of_bounds_is_refused_by_name(plan, change, message):
    refused(replace(plan, **change), message)


def test_patterns_are_a_share_of_all_wafers(plan):
    ring = replace(plan.patterns[0], share=0.6)

    refused(replace(plan, patterns=(ring, ring)), "all patterns: share: 1.2 is not")
    refused(replace(plan, patterns=(replace(ring, kill_ratio=(0.5,)),)), "kill_ratio: .0.5. is not")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tests": 7}, "insertions CP1: tests: 7, at least 8 are needed"),
        ({"functional_tests": 0}, "insertions CP1: functional_tests: 0 is not between 1 and"),
        ({"sites": 0}, "insertions CP1: sites: 0 is not between 1 and 255"),
        ({"sites": 256}, "insertions CP1: sites: 256"),
        ({"coverage": 1.2}, "insertions CP1: coverage: 1.2"),
        ({"share": -1.0}, "insertions CP1: share: -1.0"),
    ],
)
def test_insertion_out_of_bounds_is_refused(plan, change, message):
    refused(with_insertions(plan, **change), message)


def test_line_must_have_something_to_do(plan):
    refused(replace(plan, line=replace(plan.line, lots_per_night=0)), "line.lots_per_night: 0")
    refused(replace(plan, products=first(plan.products, from_night=2)), "none is made from night 1")
    refused(replace(plan, products=first(plan.products, reticle=(2,))), r"M16G: reticle: \[2\]")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pcm_lot_share": 1.5}, "plan: pcm_lot_share: 1.5 is not between 0 and 1"),
        ({"edge_loss_pct": float("nan")}, "edge_loss_pct: nan is not between 0 and 100"),
    ],
)
def test_number_of_the_plan_itself_is_bounded(plan, change, message):
    refused(replace(plan, **change), message)


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("areas", {"clean_every_days": 0.0}, "areas litho: clean_every_days: 0.0 is not between"),
        ("areas", {"clean_hours": 216.0}, "areas litho: clean_hours: 216.0 leaves nothing of"),
        ("products", {"alpha": 0.0}, "products M16G: alpha: 0.0 is not between"),
        ("insertions", {"contact_pct": -5.0}, "insertions CP1: contact_pct: -5.0 is not"),
        ("habits", {"wafer_id": "{wafer}"}, r"habits\[0\].wafer_id: '{wafer}' is no format"),
        ("habits", {"wafer_id": "W"}, r"habits\[0\].wafer_id: 'W' is the same for every slot"),
        ("habits", {"node_nam": "cp-a"}, r"habits\[0\].node_nam: 'cp-a' is the same for every"),
        ("route", {"process_step": "etch_gate"}, "route: etch_gate stands 2 times"),
        ("areas", {"chambers": ("A", "A")}, "areas litho: chambers: A stands 2 times"),
        ("areas", {"chambers": ()}, "areas litho: chambers: name at least one"),
        ("route", {"equipment": ()}, "route clean_start: equipment: name at least one"),
        ("route", {"equipment": ("ETCH01",)}, "etch_gate: ETCH01 is of area wet already"),
        ("route", {"equipment": ("../x",)}, r"equipment: '../x' is not 1 to 40 printable"),
        ("products", {"product_id": "A/B"}, "products: 'A/B' is not 1 to 40 printable"),
        ("products", {"product_id": "M\u0416"}, "is not 1 to 40 printable ASCII"),
        ("products", {"edge_mm": 100.0, "wafer_diameter_mm": 150.0}, "M16G: edge_mm: 100.0 leaves"),
        ("products", {"die_width_mm": 400.0}, "M16G: die_width_mm: no whole die fits"),
        ("products", {"die_width_mm": 0.1, "die_height_mm": 0.1}, "more than 100,000 die"),
        ("products", {"die_width_mm": 3.0, "die_height_mm": 3.0}, "CP1: a lot of M16G takes 5"),
        ("insertions", {"job_nam": "{produkt}"}, "CP1: job_nam: '{produkt}' is no format"),
        ("insertions", {"share": 0.5}, "CP1: share: the first tests all die"),
        ("insertions", {"after_nights": 2}, "CP2: after_nights: 1 is not at least 2, 0 after CP1"),
        ("habits", {"wafer_id": "{number}-{slot}"}, r"wafer_id: '{number}-{slot}' is no format"),
        ("groups", {"nominal": 1000.0, "sigma": 0.00005}, "contact: sigma: 5e-05 is too small"),
    ],
)
def test_number_and_name_of_a_record_are_refused_by_its_name(plan, name, change, message):
    refused(replace(plan, **{name: first(getattr(plan, name), **change)}), message)


def test_sensor_of_an_area_is_named_with_it(plan):
    sensors = first(plan.areas[0].sensors, sigma=-1.0)

    refused(
        replace(plan, areas=first(plan.areas, sensors=sensors)),
        "areas litho: sensors dose: sigma: -1.0",
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"from_night": 5, "until_night": 5}, "story: until_night: 5 is not after from_night 5"),
        ({"product_id": "M1"}, "product_id of excursion story: 'M1' is none of M16G"),
    ],
)
def test_excursion_that_could_never_act_is_refused(plan, change, message):
    refused(with_excursion(plan, replace(BAD_CHAMBER, **change)), message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first_night_on": date(1960, 1, 1)}, "first_night_on: 1960-01-01 is not between 1975-01"),
        ({"first_night_on": date(2101, 1, 1)}, "first_night_on: 2101-01-01 is not between"),
        ({"lot_id": "K{number}{lot.x}"}, "line.lot_id: 'K{number}{lot.x}' is no format"),
        ({"assembly_lot_id": "K{number}"}, "assembly_lot_id: 'K{number}' is lot_id too"),
    ],
)
def test_line_out_of_bounds_is_refused(plan, change, message):
    refused(replace(plan, line=replace(plan.line, **change)), message)


def test_a_route_needs_three_steps_and_a_plan_two_groups(plan):
    refused(replace(plan, route=plan.route[:2]), "route: 2 steps, at least 3 are needed")
    wet = [replace(one, drift_group="contact") for one in plan.areas]
    one_group = replace(plan, areas=tuple(wet), groups=plan.groups[:1])
    refused(one_group, "groups: 1, at least 2 are needed")


def test_wafers_come_before_packages_and_packages_a_night_later(plan):
    cp1, cp2, ft1 = plan.insertions

    refused(replace(plan, insertions=(cp1, ft1, cp2)), "CP2: no wafer is left after FT1")
    same_night = replace(ft1, after_nights=1)
    refused(replace(plan, insertions=(cp1, cp2, same_night)), "FT1: after_nights: 1 is not at lea")


def test_a_bystander_is_another_chamber(plan):
    itself = Bystander("story", "etch_gate", "ETCH01", "A", 0.9, 0.1)
    story = replace(plan, excursions=(BAD_CHAMBER,), bystanders=(itself,))

    refused(story, "etch_gate is the step of its excursion")


def test_every_unit_needs_a_tester_and_wafers_come_first(plan):
    refused(replace(plan, habits=plan.habits[:5]), "nobody tests the unit package")
    refused(replace(plan, insertions=plan.insertions[2:]), "the first, FT1, must test wafers")


def test_chambers_of_a_plan_belong_to_its_steps(plan):
    every = chambers(plan)

    assert len(every) == sum(
        len(step.equipment) * len(area.chambers)
        for step in plan.route
        for area in plan.areas
        if area.area == step.area
    )
    assert ("etch_gate", "ETCH02", "B") in every
    assert ("etch_gate", "ETCH02", "C") not in every
