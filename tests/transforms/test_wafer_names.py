from fabyield.lake.catalog import WAFER_NAMES, WAFER_REGISTRY, WAFERS
from fabyield.transforms.silver.wafer_names import wafer_names, with_wafer_key
from tests.frames import of_tuples

NAME = {"fab_id": "F1", "wafer_id": "02"}
FIRST = (
    "fab_id string, lot_id string, wafer_id string, origin_lot_id string, event string, "
    "renamed_at timestamp, is_ambiguous boolean"
)


def test_every_name_has_the_wafers_key_and_a_key_of_its_own(rows, spark):
    lots = enumerate(["A", "A.1", "B"], 1)
    registry = rows(WAFER_REGISTRY, *(NAME | {"lot_id": lot, "wafer_key": n} for n, lot in lots))
    first = of_tuples(spark, [("F1", "A.1", "02", "A", "split", None, False)], FIRST)

    found = wafer_names(registry, first).orderBy("name_key")

    keys = found.select(
        "lot_id", "wafer_key", "name_key", "origin_lot_id", "is_ambiguous"
    ).collect()
    assert keys == [("A", 1, 1, "A", False), ("A.1", 1, 2, "A", False), ("B", 3, 3, "B", False)]


def test_rows_of_all_names_get_one_key(rows):
    names = rows(
        WAFER_NAMES,
        *(NAME | {"lot_id": lot, "wafer_key": 1, "name_key": n} for n, lot in enumerate("AB", 1)),
    )
    found = rows(WAFERS, *(NAME | {"lot_id": lot} for lot in "ABC")).drop("wafer_key")

    assert sorted(with_wafer_key(found, names).select("lot_id", "wafer_key").collect()) == [
        ("A", 1),
        ("B", 1),
    ]
