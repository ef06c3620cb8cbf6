"""What is probed: the die of a wafer and the tests of the program."""

from dataclasses import dataclass

import numpy as np

from fabyield.errors import ConfigError
from fabyield.simulate.arrays import Bools, Floats, Ints, Singles, significant
from fabyield.simulate.plan import Plan, Product
from fabyield.simulate.streams import Stream, stream

CONTACT_TESTS = 3


@dataclass(frozen=True)
class WaferMap:
    """Whole die in the order of probing; radius is 0 at the centre, 1 at the edge."""

    x_coord: Ints
    y_coord: Ints
    radius: Floats

    @property
    def gross_die(self) -> int:
        """Die sites on the wafer."""
        return len(self.radius)


@dataclass(frozen=True)
class Catalogue:
    """The parametric tests in order, one entry each; limits in float32, NaN where there is none."""

    group: Ints
    test_num: Ints
    test_txt: list[str]
    nominal: Floats
    sigma: Floats
    lo_limit: Singles
    hi_limit: Singles
    high_only: Bools
    radial: Floats
    shift: Floats
    pcm: Ints
    pcm_sigma: Floats


def wafer_map(product: Product) -> WaferMap:
    """Lay die on a grid around the centre, in rows that alternate their direction."""
    limit = product.wafer_diameter_mm / 2 - product.edge_mm
    wide, high = product.die_width_mm, product.die_height_mm
    rows, columns = int(limit // high), int(limit // wide)
    y, x = np.mgrid[-rows : rows + 1, -columns : columns + 1]
    corner = np.hypot((np.abs(x) + 0.5) * wide, (np.abs(y) + 0.5) * high)
    x, y = x[corner <= limit], y[corner <= limit]
    order = np.lexsort((np.where(y % 2 == 0, x, -x), y))
    x, y = x[order], y[order]
    radius = np.hypot(x * wide, y * high) / limit
    return WaferMap(x, y, radius)


def catalogue(plan: Plan) -> Catalogue:
    """Spread the plan's number of tests over its groups; ConfigError if they are too few."""
    group = _groups(plan)
    place = np.array([int(np.sum(group[:i] == group[i])) for i in range(len(group))])
    nominal = _column(plan, "nominal", group) * (1 + _column(plan, "step", group) * place)
    sigma, high_only = _column(plan, "sigma", group), _column(plan, "high_only", group) > 0
    rng = stream(plan.seed, Stream.CATALOGUE)
    reach = plan.probe.limit_sigma * sigma
    lo_limit = np.where(high_only, np.nan, significant(nominal - reach))
    parameters = [one.pcm_test for one in plan.pcm]
    return Catalogue(
        group=group,
        test_num=1000 + 10 * np.arange(len(group)),
        test_txt=[f"{plan.groups[g].group}_{k + 1:02d}" for g, k in zip(group, place, strict=True)],
        nominal=nominal,
        sigma=sigma,
        lo_limit=lo_limit.astype(np.float32),
        hi_limit=significant(nominal + reach).astype(np.float32),
        high_only=high_only,
        radial=plan.probe.radial_sigma * rng.standard_normal(len(group)),
        shift=_shift(plan, group, place),
        pcm=np.array([parameters.index(one.pcm) for one in plan.groups])[group],
        pcm_sigma=_column(plan, "pcm_sigma", group),
    )


def probe_card(plan: Plan, tester: int) -> Floats:
    """Offsets of a tester's sites in sigmas of the tests: sites x tests."""
    rng = stream(plan.seed, Stream.PROBE_CARD, tester)
    return plan.probe.site_sigma * rng.standard_normal((plan.probe.sites, plan.probe.tests))


def _shift(plan: Plan, group: Ints, place: Ints) -> Floats:
    is_shifted = np.array([one.group == plan.bad.shifted_group for one in plan.groups])[group]
    return np.where(is_shifted & (place < plan.bad.shifted_tests), plan.bad.shift_sigma, 0.0)


def _groups(plan: Plan) -> Ints:
    others = plan.probe.tests - CONTACT_TESTS
    if others < len(plan.groups) - 1:
        least = CONTACT_TESTS + len(plan.groups) - 1
        raise ConfigError(f"plan.probe.tests: {plan.probe.tests}, at least {least} are needed")
    spread = 1 + np.arange(others) * (len(plan.groups) - 1) // others
    return np.concatenate([np.zeros(CONTACT_TESTS, np.int64), spread])


def _column(plan: Plan, name: str, group: Ints) -> Floats:
    return np.array([float(getattr(one, name)) for one in plan.groups])[group]
