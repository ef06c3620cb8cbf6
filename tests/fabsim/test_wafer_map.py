from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from fabsim.plan.wafer_map import RIM, wafer_map
from tests.fabsim.fabs import small


@pytest.fixture(scope="module")
def product(plan):
    return plan.products[0]


@pytest.fixture(scope="module")
def die(product):
    return wafer_map(product)


def test_wafers_have_as_many_die_as_fit(plan, die):
    assert die.gross_die == 519
    assert wafer_map(small(plan).products[0]).gross_die == 61


def test_every_corner_of_every_die_is_on_the_usable_wafer_and_no_more_fit(product, die):
    limit = product.wafer_diameter_mm / 2 - product.edge_mm
    y, x = np.mgrid[-20:21, -20:21]
    far = np.hypot(
        (np.abs(x) + 0.5) * product.die_width_mm, (np.abs(y) + 0.5) * product.die_height_mm
    )
    whole = {(int(a), int(b)) for a, b in zip(x[far <= limit], y[far <= limit], strict=True)}

    assert set(zip(die.x_coord.tolist(), die.y_coord.tolist(), strict=True)) == whole


def test_die_are_probed_row_by_row_back_and_forth(die):
    rows = [die.x_coord[die.y_coord == y].tolist() for y in (0, 1, 2)]

    assert die.y_coord.tolist() == sorted(die.y_coord)
    assert rows[0] == sorted(rows[0])
    assert rows[1] == sorted(rows[1], reverse=True)
    assert rows[2] == sorted(rows[2])


def test_radius_and_angle_belong_to_the_die_centres(product, die):
    limit = product.wafer_diameter_mm / 2 - product.edge_mm
    x, y = die.x_coord * product.die_width_mm, die.y_coord * product.die_height_mm

    # Both are rounded to a grid of 2^-20.
    assert die.radius == pytest.approx(np.hypot(x, y) / limit, abs=2e-6)
    assert die.angle == pytest.approx(np.arctan2(y, x), abs=2e-6)
    assert (die.is_rim == (die.radius > RIM)).all()
    assert 0.05 < die.is_rim.mean() < 0.2


def test_a_reticle_prints_its_places_again_and_again(die):
    at = {(0, 0): 0, (1, 0): 1, (0, 1): 2, (1, 1): 3, (0, 2): 4, (1, 2): 5, (2, 3): 0, (-1, -1): 5}
    places = zip(die.x_coord.tolist(), die.y_coord.tolist(), strict=True)
    field = dict(zip(places, die.field.tolist(), strict=True))

    assert {place: field[place] for place in at} == at


def test_squares_of_neighbours_share_their_defects(die):
    sizes = Counter(die.cluster.tolist())
    squares = {}
    for x, y, cluster in zip(die.x_coord // 5, die.y_coord // 5, die.cluster, strict=True):
        squares.setdefault((x, y), set()).add(cluster)

    assert max(sizes.values()) == 25
    assert {len(numbers) for numbers in squares.values()} == {1}
    assert len(squares) == len(sizes)


def test_clusters_of_one_die_leave_every_die_alone(product):
    alone = wafer_map(replace(product, cluster_die=1))

    assert len(set(alone.cluster.tolist())) == alone.gross_die
