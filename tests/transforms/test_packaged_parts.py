from pathlib import Path

import pyarrow.parquet as pq
import pytest
from fabyield.jobs.packaged_parts import to_retrace

from fabyield.lake.catalog import (
    FAB_ASSEMBLY,
    PACKAGED_PARTS,
    PARTS,
    TOUCHDOWNS,
    WAFER_NAMES,
    WAFERS,
)
from fabyield.settings.settings import Settings
from fabyield.transforms.shared.name_rules import NameRules
from fabyield.transforms.silver.packaged_parts import (
    changed_lots,
    changed_names,
    die_origins,
    only_lots,
    packaged_parts,
    packages,
)

FAB = Settings.load("dev").fab
RULES = NameRules(FAB.lot_id_rules, FAB.wafer_id_rules)
PACKAGE = {"fab_id": "F1", "wafer_key": 9, "insertion": "FT1", "is_final": True, "x_coord": None}
ORIGIN = [
    "origin_wafer_key",
    "origin_lot_id",
    "origin_wafer_id",
    "origin_x_coord",
    "origin_y_coord",
]


@pytest.fixture
def traced(rows):
    """`traced(text, lots=)`: the one package of lot P, made of `lots`, whose part text is given."""

    def trace(text, lots=()):
        name = {"fab_id": "F1", "wafer_id": "02", "origin_lot_id": "A"}
        keys = {"wafer_key": 5, "name_key": 6, "lot_id": "A.1"}
        names = rows(WAFER_NAMES, name | keys, name | keys | {"fab_id": "F2", "wafer_key": 7})
        parts = rows(PARTS, {"file_key": 1, "part_num": 3, "part_txt": text})
        made = [{"fab_id": "F1", "assembly_lot_id": "p ", "lot_id": lot} for lot in lots]
        touched = rows(TOUCHDOWNS, PACKAGE | {"file_key": 1, "part_num": 3, "hard_bin": 4})
        origins = die_origins(parts, names, "F1", FAB.part_origin_rule, RULES)
        wafers = rows(WAFERS, {"fab_id": "F1", "wafer_key": 9, "lot_id": "P", "wafer_id": "-"})
        sources = only_lots(rows(FAB_ASSEMBLY, *made), RULES)
        [row] = packaged_parts(packages(touched, wafers), origins, wafers, sources).collect()
        return row

    return trace


def test_part_text_gives_the_die_and_the_wafers_first_name(traced):
    row = traced("a.1/W2/-3/11")

    assert [row[name] for name in ORIGIN] == [5, "A", "02", -3, 11]
    assert (row["traced_by"], row["assembly_lot_id"], row["hard_bin"]) == ("part", "P", 4)


@pytest.mark.parametrize("text", [None, "free text", "A.1/77/1/2"])
def test_part_without_a_wafer_has_the_one_source_lot_of_its_lot(traced, text):
    row = traced(text, ["k1"])

    assert [row[name] for name in ORIGIN] == [None, "K1", None, None, None]
    assert row["traced_by"] == "assembly"


@pytest.mark.parametrize("lots", [[], ["A", "B"]])
def test_part_of_a_lot_with_several_or_no_sources_is_not_traced(traced, lots):
    row = traced(None, lots)

    assert (row["traced_by"], row["origin_lot_id"]) == ("none", None)


def test_coordinates_that_are_too_large_are_null(traced):
    row = traced("A.1/2/99999999999/1")

    assert (row["origin_wafer_key"], row["origin_x_coord"], row["origin_y_coord"]) == (5, None, 1)


def test_only_final_touchdowns_of_no_wafer_are_packages(rows):
    wafers = rows(WAFERS, *({"wafer_key": key, "wafer_id": i} for key, i in ((9, "-"), (8, "01"))))
    others = [{"x_coord": 1}, {"is_final": False}, {"wafer_key": 8}]
    touched = [PACKAGE | row | {"part_num": n} for n, row in enumerate([{}, *others])]

    found = packages(rows(TOUCHDOWNS, *(row | {"fab_id": "FAB1"} for row in touched)), wafers)

    assert sorted(row["part_num"] for row in found.collect()) == [0, 1]


@pytest.mark.parametrize(("text", "named"), [("a.1/77/1/2", ("A.1", "77")), ("free", (None, None))])
def test_unknown_wafer_that_a_part_names_is_kept(traced, text, named):
    row = traced(text)

    assert (row["named_lot_id"], row["named_wafer_id"]) == named
    assert (row["traced_by"], row["origin_wafer_key"]) == ("none", None)


def test_packages_are_traced_again_when_their_wafer_or_lot_changes(run, rows):
    names = {"A": ("A", "02"), "B": ("B", "02"), "C": (None, None), "D": (None, None)}
    parts = [
        {"fab_id": FAB.fab_id, "die_id": die, "named_lot_id": lot, "named_wafer_id": wafer}
        | {"assembly_lot_id": f"P{die}"}
        for die, (lot, wafer) in names.items()
    ]
    run.store.replace(PACKAGED_PARTS, rows(PACKAGED_PARTS, *parts), "true")
    wafer = {"fab_id": FAB.fab_id, "wafer_id": "02"}
    changed = rows(WAFER_NAMES, wafer | {"lot_id": "B"}, wafer | {"lot_id": "E"})
    sources = rows(FAB_ASSEMBLY, {"fab_id": FAB.fab_id, "assembly_lot_id": "pd "})

    assert retraced(run, changed, sources) == ["B", "D"]


def retraced(run, changed, sources):
    changes = changed_names(changed), changed_lots(sources, RULES)
    return sorted(row["die_id"] for rows in changes for row in to_retrace(run, rows).collect())


@pytest.fixture
def passing_over(spark):
    """Delta passes over files by their bounds, which the session of the tests does not."""
    spark.conf.set("spark.databricks.delta.stats.skipping", "true")
    yield
    spark.conf.set("spark.databricks.delta.stats.skipping", "false")


def test_files_outside_the_range_of_the_changes_are_not_read(run, rows, passing_over):
    for key, lot in enumerate(("L1", "L2", "L3")):
        part = {"fab_id": FAB.fab_id, "wafer_key": key, "named_lot_id": lot, "named_wafer_id": "02"}
        part |= {"assembly_lot_id": f"P{lot}", "die_id": lot}
        run.store.replace(PACKAGED_PARTS, rows(PACKAGED_PARTS, part), f"wafer_key = {key}")
    named = [("L2", "02"), ("-5EC0FFEE", "02"), ("A1", "-")]
    changed = [{"fab_id": FAB.fab_id, "lot_id": lot, "wafer_id": w} for lot, w in named]
    sources = rows(FAB_ASSEMBLY, {"fab_id": FAB.fab_id, "assembly_lot_id": "PL2"})
    for path in Path(run.store.path(PACKAGED_PARTS)).glob("*.parquet"):
        if pq.read_table(path)["die_id"].to_pylist() != ["L2"]:
            path.unlink()

    assert retraced(run, rows(WAFER_NAMES, *changed), sources) == ["L2", "L2"]
