import pytest

from fabyield.errors import ConfigError
from fabyield.simulate import load_plan, scenarios
from fabyield.simulate.plan_causes import Dirt, Kind, Scarcity

NAMES = ["quiet", "bad_chamber", "new_product", "dirty_night", "few_defects", "big"]


def test_six_scenarios_are_told():
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


def test_scenario_that_is_not_there_is_refused_with_those_that_are():
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


def test_the_new_products_recipe_is_wrong_and_the_few_defects_are_few():
    new = load_plan(scenario="new_product")

    assert [one.kind for one in new.excursions] == [Kind.WRONG_RECIPE]
    assert [one.variant_of for one in new.products] == ["", "M16G"]
    assert load_plan(scenario="few_defects").scarcity == Scarcity(50, 100_000)
