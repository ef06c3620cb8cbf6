import pytest

from fabyield.lake.catalog import FAB_PROCESS_HISTORY, WAFER_NAMES
from fabyield.transforms.silver.latest_rows import (
    count_duplicates,
    last_changed,
    newest_first,
    rows_to_update,
    wafers_to_rebuild,
)
from tests.frames import of_tuples

PLACE = {"fab_id": "F1", "wafer_id": "02"}
NAMES = [("A", 1), ("A.1", 1), ("B", 3)]


@pytest.fixture
def names(rows):
    named = enumerate(NAMES, 1)
    return rows(
        WAFER_NAMES,
        *(PLACE | {"lot_id": lot, "wafer_key": key, "name_key": n} for n, (lot, key) in named),
    )


@pytest.fixture
def steps(rows):
    """`steps(lots, gone=)`: a step of a wafer of each lot; those in `gone` were deleted."""

    def build(lots, gone=None):
        each = [PLACE | {"lot_id": lot, "step_seq": n} for n, lot in enumerate(lots)]
        found = rows(FAB_PROCESS_HISTORY, *each)
        return found if gone is None else found.withColumn("is_gone", found.lot_id.isin(gone))

    return build


def lots(df):
    return sorted(row["lot_id"] for row in df.collect())


def change(names, kind, lot):
    changed = names.where(names.lot_id == lot)
    return changed.selectExpr("*", f"'{kind}' _change_type", "1 _commit_version")


@pytest.mark.parametrize(
    ("kind", "gone", "wafers"),
    [
        ("insert", [], set()),
        ("insert", ["B"], {3}),
        ("update_preimage", [], {1}),
        ("update_postimage", ["B"], {1, 3}),
        ("delete", [], {1}),
    ],
)
def test_wafers_that_lost_a_row_or_a_name_are_rebuilt(names, steps, kind, gone, wafers):
    found = wafers_to_rebuild(steps(["A", "B"], gone), change(names, kind, "A.1"), names)

    assert {row["wafer_key"] for row in found.collect()} == wafers


def test_changed_rows_and_all_rows_of_rebuilt_wafers_are_updated(names, steps, spark):
    source, changed = steps(["A", "A.1", "B", "B"]), steps(["A", "B"], [])
    rebuilt = of_tuples(spark, [(1,)], "wafer_key bigint")

    found = rows_to_update(source, changed, names, rebuilt)

    assert lots(found) == ["A", "A.1", "B"]


def test_deleted_rows_are_not_updated(names, steps, spark):
    found = rows_to_update(
        steps(["A"]), steps(["A", "B"], ["B"]), names, of_tuples(spark, [], "wafer_key bigint")
    )

    assert lots(found) == ["A"]


KEY = ["wafer_key", "step_seq"]
CHANGED = "wafer_key int, step_seq int, chamber_id string, updated_at int"


@pytest.fixture
def counted(spark):
    """`counted(told, stored)`: chambers of the rows that count, and whether they are stored."""

    def build(told, stored=()):
        told, stored = (of_tuples(spark, list(rows), CHANGED) for rows in (told, stored))
        rows = newest_first(told, stored, KEY, ["chamber_id"]).where("turn = 1").collect()
        return sorted((row["chamber_id"], row["is_stored"]) for row in rows)

    return build


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        ((1, 7, "A", 5), (1, 7, "B", 6), "B"),
        ((1, 7, "B", None), (1, 7, "A", 5), "A"),
        ((1, 7, "A", None), (1, 7, "B", None), "A"),
        ((1, 7, "A", 5), (1, 8, "B", 6), "AB"),
    ],
)
def test_of_rows_with_the_same_key_the_last_changed_one_counts(
    spark, counted, first, second, counts
):
    for order in ([first, second], [second, first]):
        assert counted(order) == [(chamber, False) for chamber in counts]
        [[twice]] = of_tuples(spark, order, CHANGED).agg(count_duplicates(KEY)).collect()
        assert twice == 2 - len(counts)


@pytest.mark.parametrize(
    ("stored", "counts"),
    [
        ((1, 7, "OLD", 4), [("NEW", False)]),
        ((1, 7, "OLD", 5), [("NEW", False)]),
        ((1, 7, "OLD", 6), [("OLD", True)]),
        ((1, 8, "OLD", 6), [("NEW", False)]),
    ],
)
def test_stored_row_counts_if_it_was_changed_later(counted, stored, counts):
    assert counted([(1, 7, "NEW", 5)], [stored]) == counts


def test_rows_with_other_values_than_the_first_differ(spark):
    told = of_tuples(spark, [(1, 7, "A", 1), (1, 7, "B", 2), (1, 7, None, 3)], CHANGED)
    stored = of_tuples(spark, [(1, 7, "B", 4), (2, 7, "A", 1)], CHANGED)

    rows = newest_first(told, stored, KEY, ["chamber_id"]).orderBy("turn").collect()

    told = [(row["chamber_id"], row["is_stored"], row["differs"]) for row in rows]
    assert told == [
        ("B", True, False),
        (None, False, True),
        ("B", False, False),
        ("A", False, True),
    ]


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ([(1, 7, "A", 1), (2, 7, "B", 1)], "AB"),
        ([(1, 7, "A", 2), (1, 7, "B", 1), (1, 7, "C", None)], "A"),
        ([(1, None, "A", 2), (1, None, "B", 1)], "A"),
        ([(None, 7, "A", 2), (None, 7, "B", 1), (1, 7, "C", 2), (1, 7, "D", 1)], "ABC"),
    ],
)
def test_of_rows_with_one_key_only_the_last_changed_stays(spark, told, left):
    rows = last_changed(of_tuples(spark, told, CHANGED), KEY, ["wafer_key"])

    assert "".join(sorted(row["chamber_id"] for row in rows.collect())) == left
