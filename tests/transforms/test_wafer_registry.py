from fabyield.lake.catalog import WAFER_REGISTRY
from fabyield.transforms.silver.wafer_registry import wafer_registry


def wafer(lot_id, wafer_id, **more):
    return {"fab_id": "F1", "lot_id": lot_id, "wafer_id": wafer_id, **more}


def keys(df):
    return {(r["lot_id"], r["wafer_id"]): r["wafer_key"] for r in df.collect()}


def test_first_wafers_get_keys_in_order_of_lot_and_wafer(rows):
    names = rows(WAFER_REGISTRY, wafer("B", "01"), wafer("A", "02"), wafer("A", "01"))

    actual = keys(wafer_registry(names, rows(WAFER_REGISTRY)))

    assert actual == {("A", "01"): 1, ("A", "02"): 2, ("B", "01"): 3}


def test_new_wafer_gets_a_key_above_all_earlier_ones(rows):
    known = rows(WAFER_REGISTRY, wafer("B", "01", wafer_key=1), wafer("C", "01", wafer_key=7))
    names = rows(WAFER_REGISTRY, wafer("A", "01"), wafer("B", "01"), wafer("C", "01"))

    assert keys(wafer_registry(names, known)) == {("A", "01"): 8}


def test_wafer_seen_twice_in_a_night_gets_one_key(rows):
    names = rows(WAFER_REGISTRY, wafer("A", "01"), wafer("A", "01"), wafer("A", "02"))

    actual = wafer_registry(names, rows(WAFER_REGISTRY)).collect()

    assert sorted(actual) == [(1, "F1", "A", "01"), (2, "F1", "A", "02")]


def test_known_wafers_get_no_second_key(rows):
    names = rows(WAFER_REGISTRY, wafer("A", "01"), wafer("A", "02"))
    known = wafer_registry(names, rows(WAFER_REGISTRY))

    assert wafer_registry(names, known).collect() == []


def test_same_lot_and_wafer_of_two_fabs_are_two_wafers(rows):
    other = wafer("A", "01") | {"fab_id": "F2"}

    actual = wafer_registry(rows(WAFER_REGISTRY, wafer("A", "01"), other), rows(WAFER_REGISTRY))

    assert sorted(actual.collect()) == [(1, "F1", "A", "01"), (2, "F2", "A", "01")]
