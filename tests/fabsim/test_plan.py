from pathlib import Path

import pytest
import yaml

from fabsim import load_plan
from fabyield.errors import ConfigError

PLAN = Path(__file__).parents[2] / "conf" / "simulate.yml"


@pytest.fixture
def load_changed(tmp_path):
    """`load_changed(change)`: the plan of a file in which `change` has changed the values."""

    def load(change):
        values = yaml.safe_load(PLAN.read_text())
        change(values)
        path = tmp_path / "plan.yml"
        path.write_text(yaml.safe_dump(values))
        return load_plan(path)

    return load


def test_a_plan_of_ones_own_takes_the_place_of_the_usual_one(load_changed, plan):
    loaded = load_changed(lambda values: values.update(seed=7))

    assert (loaded.seed, plan.seed) == (7, 20260302)
    assert loaded.changed(seed=plan.seed) == plan


def test_field_without_a_meaning_is_refused_by_name(load_changed):
    with pytest.raises(ConfigError, match=r"plan .*plan\.yml: line: unknown field 'lotz'"):
        load_changed(lambda values: values["line"].update(lotz=3))


def test_missing_field_is_refused_by_name(load_changed):
    with pytest.raises(ConfigError, match=r"areas\[2\]: the field clean_hours is missing"):
        load_changed(lambda values: values["areas"][2].pop("clean_hours"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda v: v["habits"][1].update(retest="maybe"),
            r"habits\[1\]\.retest: 'maybe'",
        ),
        (
            lambda v: v["line"].update(lots_per_night="3"),
            r"line\.lots_per_night: must be a whole",
        ),
        (
            lambda v: v["products"][0].update(alpha=[1]),
            r"products\[0\]\.alpha: must be a number",
        ),
        (
            lambda v: v["route"][3].update(equipment="ETCH"),
            r"route\[3\]\.equipment: must be a list",
        ),
        (
            lambda v: v["areas"][0].update(is_batch=1),
            r"areas\[0\]\.is_batch: must be true",
        ),
        (
            lambda v: v["final_test"].update(rescreen_marks=["atr"]),
            r"final_test\.rescreen_marks\[0\]: 'atr' is not one of rdr, rtst_cod, part_flg",
        ),
        (lambda v: v.update(patterns={"share": 1}), r"patterns: must be a list, not a mapping"),
    ],
)
def test_value_of_a_wrong_type_is_refused_with_its_place(load_changed, change, message):
    with pytest.raises(ConfigError, match=message):
        load_changed(change)


def test_a_fraction_may_be_given_as_a_whole_number(load_changed):
    loaded = load_changed(lambda values: values.update(edge_loss_pct=6))

    assert type(loaded.edge_loss_pct) is float


def test_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"missing\.yml.*give a YAML file"):
        load_plan(tmp_path / "missing.yml")


@pytest.mark.parametrize("content", ["- 1\n- 2\n", "seed: [1\n"])
def test_file_that_is_no_mapping_is_named(tmp_path, content):
    path = tmp_path / "odd.yml"
    path.write_text(content)

    with pytest.raises(ConfigError, match=r"odd\.yml"):
        load_plan(path)


def test_same_fab_is_had_in_another_size(plan):
    changed = plan.changed(seed=1, lots_per_night=40, wafers_per_lot=12)

    assert (changed.seed, changed.line.lots_per_night, changed.line.wafers_per_lot) == (1, 40, 12)
    assert (changed.route, changed.products) == (plan.route, plan.products)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda v: v["line"].update(lot_id="../K{number}"),
            r"lot_id: '\.\./K{number}', it must be a",
        ),
        (
            lambda v: v["habits"][0].update(node_nam="cp-a{nr:02d}"),
            r"habits\[0\]\.node_nam: 'cp-a{nr",
        ),
        (lambda v: v["dirt"].update(late_nights=[7, 1]), r"dirt.late_nights: \[7, 1\], it must be"),
        (lambda v: v["route"].append(v["route"][0]), "route: two of them are called 'clean_start'"),
        (lambda v: v.update(products=[]), "products: entries: 0, it must be at least 1"),
        (lambda v: v["line"].update(lots_per_night=0), r"line\.lots_per_night: 0, it must be at l"),
        (
            lambda v: v["line"].update(wafers_per_lot=100),
            "100, it .* at most 99",
        ),
        (
            lambda v: v.update(edge_loss_pct=float("nan")),
            "edge_loss_pct: nan",
        ),
        (lambda v: v.update(zone="Asia/Nowhere"), "zone: 'Asia/Nowhere' is no IANA time zone"),
        (
            lambda v: v["final_test"].update(testers=0),
            r"final_test\.testers: 0, it must be at least",
        ),
        (
            lambda v: v["final_test"].update(rescreens=10),
            r"final_test\.rescreens: 10, .* at most 9",
        ),
        (
            lambda v: v["final_test"].update(engineering_runs=["P"]),
            r"final_test\.engineering_runs\[0\]: 'P', it must be one of A, C, D, E, M, Q",
        ),
        (lambda v: v["products"][0].update(reticle=[2]), r"products\[0\]\.reticle: entries: 1"),
        (
            lambda v: v["route"][0].update(equipment=[]),
            r"route\[0\]\.equipment: entries: 0",
        ),
        (
            lambda v: v["route"][0].update(equipment=["../x"]),
            r"equipment\[0\]: '../x'",
        ),
        (
            lambda v: v["areas"][0]["sensors"][0].update(sigma=-1),
            r"\.sensors\[0\]\.sigma",
        ),
    ],
)
def test_value_out_of_bounds_is_refused_with_its_place_and_bound(load_changed, change, message):
    with pytest.raises(ConfigError, match=message):
        load_changed(change)
