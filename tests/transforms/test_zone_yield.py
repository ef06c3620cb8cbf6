import pytest

from fabyield.lake.catalog import DIE_RESULTS, WAFERS
from fabyield.transforms.gold.zone_yield import die_layout, zone_yield


@pytest.fixture
def square():
    """11 x 11 die at 0..10; those at the corners of a square within the circle are tested too."""
    return [
        {"x_coord": x, "y_coord": y, "die_id": f"{x},{y}"} for x in range(11) for y in range(11)
    ]


def test_die_belong_to_the_zone_of_their_radius(rows, square):
    wafers = rows(WAFERS, {"product_id": "P1"})
    middle, ring, edge = ({"x_coord": x, "y_coord": 5, "final_pass": x != 9} for x in (5, 8, 9))
    layout = die_layout(rows(DIE_RESULTS, *square), wafers)
    die = rows(DIE_RESULTS, middle, ring, edge, edge | {"x_coord": 10, "final_pass": True})

    actual = zone_yield(die, layout, wafers).collect()

    found = {row["zone"]: (row["tested_die"], row["good_die"]) for row in actual}
    # Half of the radius is 2.75 die from the middle, four fifths 4.4.
    assert found == {"centre": (1, 1), "ring": (2, 1), "edge": (1, 1)}


def test_one_die_far_off_does_not_move_the_zones(rows, square):
    far = {"x_coord": 900, "y_coord": 5, "die_id": "900,5"}
    die = [one | {"wafer_key": key} for key in (1, 2, 3) for one in square]
    wafers = rows(WAFERS, *({"product_id": "P1", "wafer_key": key} for key in (1, 2, 3)))

    actual = die_layout(rows(DIE_RESULTS, *die, far | {"wafer_key": 1}), wafers).collect()

    assert [tuple(row)[2:] for row in actual] == [(0, 10, 0, 10)]


def test_packages_and_unknown_products_have_no_zones(rows, square):
    wafers = rows(WAFERS, {"product_id": None})
    layout = die_layout(rows(DIE_RESULTS, *square), wafers)
    package = {"x_coord": None, "y_coord": None, "die_id": "package"}

    assert zone_yield(rows(DIE_RESULTS, package, *square), layout, wafers).collect() == []
