from dataclasses import replace

import pytest
import yaml

from fabyield.errors import ConfigError
from fabyield.simulate import Plan
from fabyield.simulate.catalogue import catalogue, wafer_map

from .conftest import PLAN


def load_changed(tmp_path, change):
    text = yaml.safe_load(PLAN.read_text())
    change(text)
    path = tmp_path / "plan.yml"
    path.write_text(yaml.safe_dump(text))
    return Plan.load(path)


def test_plan_of_the_repository_makes_the_line_that_it_promises(plan):
    assert (plan.line.lots, plan.line.wafers_per_lot, plan.probe.tests) == (12, 25, 50)
    assert wafer_map(plan.product).gross_die == 519
    assert len(set(catalogue(plan).test_txt)) == 50


def test_field_without_a_meaning_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"plan\.line: missing \[\], unknown \['lotz'\]"):
        load_changed(tmp_path, lambda text: text["line"].update(lotz=3))


def test_missing_field_is_refused_by_name(tmp_path):
    with pytest.raises(ConfigError, match=r"plan\.bad: missing \['ring_from'\]"):
        load_changed(tmp_path, lambda text: text["bad"].pop("ring_from"))


def test_value_of_a_wrong_type_is_refused_with_its_place(tmp_path):
    with pytest.raises(ConfigError, match=r"plan\.testers\[1\]\.retest: 'maybe'"):
        load_changed(tmp_path, lambda text: text["testers"][1].update(retest="maybe"))


def test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"missing\.yml.*give a YAML file"):
        Plan.load(tmp_path / "missing.yml")


def test_chamber_that_is_not_on_the_route_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"bad\.equipment_id names nothing"):
        load_changed(tmp_path, lambda text: text["bad"].update(equipment_id="ETCH99"))


def test_too_few_tests_for_the_groups_are_refused(plan):
    with pytest.raises(ConfigError, match="7, at least 8"):
        catalogue(replace(plan, probe=replace(plan.probe, tests=7)))


def test_wafer_map_is_round_and_stepped_back_and_forth(plan):
    die = wafer_map(plan.product)
    rows = [die.x_coord[die.y_coord == y].tolist() for y in (0, 1)]

    assert die.radius.max() < 1
    assert sum(die.x_coord) == sum(die.y_coord) == 0
    assert rows[0] == sorted(rows[0])
    assert rows[1] == sorted(rows[1], reverse=True)
