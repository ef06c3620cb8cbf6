"""The die of a wafer: where they are, and what their places share."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fabsim.arrays import Bools, Floats, Ints, quantised
from fabsim.plan.line import Product

RIM = 0.93


@dataclass(frozen=True)
class DieGrid:
    """Whole die in the order of probing; radius is 0 at the centre, 1 at the edge.

    `angle` is in radians; `field` is a die's place in its reticle, `cluster` the square of
    neighbours with which it shares its defects.
    """

    x_coord: Ints
    y_coord: Ints
    radius: Floats
    angle: Floats
    field: Ints
    cluster: Ints

    @property
    def gross_die(self) -> int:
        """Die sites on the wafer."""
        return len(self.radius)

    @property
    def is_rim(self) -> Bools:
        """The die in the outermost rim."""
        return np.asarray(self.radius > RIM)


@lru_cache(maxsize=16)
def wafer_map(product: Product) -> DieGrid:
    """Lay die on a grid around the centre, in rows that alternate their direction."""
    limit = product.wafer_diameter_mm / 2 - product.edge_mm
    wide, high = product.die_width_mm, product.die_height_mm
    rows, columns = int(limit // high), int(limit // wide)
    y, x = np.mgrid[-rows : rows + 1, -columns : columns + 1]
    # Squared: a product is the same on every machine, hypot need not be.
    corner = ((np.abs(x) + 0.5) * wide) ** 2 + ((np.abs(y) + 0.5) * high) ** 2
    x, y = x[corner <= limit**2], y[corner <= limit**2]
    order = np.lexsort((np.where(y % 2 == 0, x, -x), y))
    x, y = x[order], y[order]
    across, down = product.reticle
    return DieGrid(
        x_coord=x,
        y_coord=y,
        radius=quantised(np.sqrt((x * wide) ** 2 + (y * high) ** 2) / limit),
        angle=quantised(np.arctan2(y * high, x * wide)),
        field=x % across + across * (y % down),
        cluster=_squares(x, y, product.cluster_die),
    )


def _squares(x: Ints, y: Ints, size: int) -> Ints:
    across = x // size - x.min() // size
    down = y // size - y.min() // size
    return np.asarray(across + (across.max() + 1) * down)
