import pytest

from fabyield.transforms.shared.change_feed import last_changes
from tests.frames import of_tuples

FEED = "key int, value string, _change_type string, _commit_version bigint"


@pytest.mark.parametrize(
    ("feed", "last"),
    [
        (
            [("a", "insert", 1), ("a", "update_preimage", 2), ("b", "update_postimage", 2)],
            ("b", False),
        ),
        ([("a", "insert", 1), ("a", "delete", 2)], ("a", True)),
        ([("a", "delete", 3), ("b", "insert", 3)], ("b", False)),
        ([("a", "delete", 1), ("b", "insert", 2)], ("b", False)),
    ],
)
def test_last_change_of_a_key_says_whether_its_row_is_gone(spark, feed, last):
    changes = of_tuples(spark, [(1, *change) for change in feed], FEED)

    found = last_changes(changes, ["key"]).collect()

    assert [(row["value"], row["is_gone"]) for row in found] == [last]


def test_each_key_has_one_last_change(spark):
    changes = of_tuples(spark, [(n, "a", "insert", n) for n in (1, 2, 3)], FEED)

    assert sorted(row["key"] for row in last_changes(changes, ["key"]).collect()) == [1, 2, 3]
