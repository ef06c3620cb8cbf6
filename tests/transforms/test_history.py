import pytest

from fabyield.tables import FAB_PROCESS_HISTORY, WAFER_NAMES
from fabyield.transforms.history import doubled, followed, one_each, remade, told_again

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
        if gone is None:
            return found
        return found.selectExpr("*", "true is_new").withColumn("is_gone", found.lot_id.isin(gone))

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
def test_wafers_are_made_anew_where_rows_left_or_a_name_moved(names, steps, kind, gone, wafers):
    found = remade(steps(["A", "B"], gone), change(names, kind, "A.1"), names)

    assert {row["wafer_key"] for row in found.collect()} == wafers


def test_only_changed_rows_are_taken_up_and_all_of_wafers_made_anew(names, steps, spark):
    source, changed = steps(["A", "A.1", "B", "B"]), steps(["A", "B"], [])
    anew = spark.createDataFrame([(1,)], "wafer_key bigint")

    found = followed(source, changed, names, anew)

    assert lots(found) == ["A", "A.1", "B"]


def test_deleted_rows_are_not_taken_up(names, steps, spark):
    found = followed(
        steps(["A"]), steps(["A", "B"], ["B"]), names, spark.createDataFrame([], "wafer_key bigint")
    )

    assert lots(found) == ["A"]


KEY = ["wafer_key", "step_seq"]
TOLD = "wafer_key int, step_seq int, is_new boolean, is_gone boolean"


@pytest.mark.parametrize(
    ("told", "wafers"),
    [
        ((1, 7, True, False), [1]),
        ((1, 8, True, False), []),
        ((1, 7, False, False), []),
        ((1, 7, True, True), []),
    ],
)
def test_wafer_is_told_again_where_a_new_row_has_the_place_of_a_stored_one(spark, told, wafers):
    stored = spark.createDataFrame([(1, 7), (2, 8)], "wafer_key int, step_seq int")

    found = told_again(spark.createDataFrame([told], TOLD), stored, KEY)

    assert [row["wafer_key"] for row in found.collect()] == wafers


CHANGED = "wafer_key int, step_seq int, chamber_id string, updated_at int"


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [
        ((1, 7, "A", 5), (1, 7, "B", 6), ["B"]),
        ((1, 7, "B", None), (1, 7, "A", 5), ["A"]),
        ((1, 7, "A", None), (1, 7, "B", None), ["A"]),
        ((1, 7, "A", 5), (1, 8, "B", 6), ["A", "B"]),
    ],
)
def test_of_rows_that_tell_the_same_the_last_changed_one_counts(spark, first, second, counts):
    for order in ([first, second], [second, first]):
        told = spark.createDataFrame(order, CHANGED)

        found = one_each(told, KEY).collect()

        assert sorted(row["chamber_id"] for row in found) == counts
        assert doubled(told, KEY) == 2 - len(counts)
