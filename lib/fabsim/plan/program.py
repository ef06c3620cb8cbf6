"""Test programs: the tests of an insertion, and what their results depend on."""

from dataclasses import dataclass
from math import floor, log10

import numpy as np

from fabsim.arrays import Bools, Floats, Ints, Singles, significant
from fabsim.plan.insertions import CONTACT_TESTS, Insertion
from fabsim.plan.plan import Plan
from fabsim.random_streams import Stream, stream

# Functional tests and the one multi-result test are numbered behind the parametric ones.
FUNCTIONAL_FROM, MULTI_FROM = 8000, 9000
# A tester resolves this share of a test's sigma, rounded down to a power of ten.
RESOLVED = 1 / 300


@dataclass(frozen=True)
class Program:
    """The parametric tests in order, one entry each; limits in float32, NaN where there is none.

    `unit` is what the tester resolves. `radial` and `edge` are in sigmas, `pcm` is an index.
    """

    insertion: Insertion
    group: Ints
    test_num: Ints
    test_txt: list[str]
    nominal: Floats
    sigma: Floats
    unit: Floats
    lo_limit: Singles
    hi_limit: Singles
    high_only: Bools
    radial: Floats
    edge: Floats
    rho: Floats
    first_of_group: Ints
    tests_of_group: Ints

    @property
    def functional_num(self) -> Ints:
        """Test numbers of the functional tests."""
        turn = np.arange(self.insertion.functional_tests)
        return np.asarray(self.insertion.first_test_num + FUNCTIONAL_FROM + turn)

    @property
    def functional_txt(self) -> list[str]:
        """Names of the functional tests."""
        return [f"func_{turn + 1:02d}" for turn in range(self.insertion.functional_tests)]

    @property
    def multi_num(self) -> int:
        """Test number of the multi-result test."""
        return self.insertion.first_test_num + MULTI_FROM


def program(plan: Plan, number: int) -> Program:
    """The program of insertion `number`: its tests are spread over the plan's groups."""
    insertion = plan.insertions[number]
    group = _groups(plan, insertion.tests)
    counts = np.bincount(group, minlength=len(plan.groups))
    first = np.concatenate([[0], np.cumsum(counts)[:-1]])
    place = np.arange(len(group)) - first[group]
    nominal = _column(plan, "nominal", group) * (1 + _column(plan, "step", group) * place)
    sigma, high_only = _column(plan, "sigma", group), _column(plan, "high_only", group) > 0
    rng = stream(plan.seed, Stream.CATALOGUE, number)
    reach = plan.spread.limit_sigma * sigma
    lo_limit = np.where(high_only, np.nan, significant(nominal - reach))
    return Program(
        insertion=insertion,
        group=group,
        test_num=insertion.first_test_num + 10 * np.arange(len(group)),
        test_txt=[f"{plan.groups[g].group}_{k + 1:02d}" for g, k in zip(group, place, strict=True)],
        nominal=nominal,
        sigma=sigma,
        unit=np.array([_resolution(one) for one in sigma]),
        lo_limit=lo_limit.astype(np.float32),
        hi_limit=significant(nominal + reach).astype(np.float32),
        high_only=high_only,
        radial=plan.spread.radial * rng.standard_normal(len(group)),
        edge=plan.spread.edge * rng.standard_normal(len(group)),
        rho=_column(plan, "rho", group),
        first_of_group=first,
        tests_of_group=counts,
    )


def probe_card(plan: Plan, number: int, tester: int) -> Floats:
    """Offsets of a tester's sites at an insertion, in sigmas of the tests: sites x tests."""
    insertion = plan.insertions[number]
    rng = stream(plan.seed, Stream.PROBE_CARD, number, tester)
    return plan.spread.site * rng.standard_normal((insertion.sites, insertion.tests))


def _resolution(sigma: float) -> float:
    return float(f"1e{floor(log10(sigma * RESOLVED))}")


def _groups(plan: Plan, tests: int) -> Ints:
    others = tests - CONTACT_TESTS
    spread = 1 + np.arange(others) * (len(plan.groups) - 1) // others
    return np.concatenate([np.zeros(CONTACT_TESTS, np.int64), spread])


def _column(plan: Plan, name: str, group: Ints) -> Floats:
    return np.array([float(getattr(one, name)) for one in plan.groups])[group]
