"""Wafer sort: which die are damaged, what every touch-down measures, and its verdict."""

from dataclasses import dataclass, fields, replace

import numpy as np

from fabyield.simulate.arrays import Bools, Floats, Ints, Singles, significant
from fabyield.simulate.catalogue import CONTACT_TESTS, Catalogue, WaferMap
from fabyield.simulate.plan import Plan
from fabyield.simulate.route import Wafer
from fabyield.simulate.streams import Stream, stream

GOOD_BIN, FIRST_FAIL_BIN, FIRST_FAIL_SOFT_BIN = 1, 2, 100
# Four pins of the multi-result test: leakage in ampere, and how much a bad contact adds.
PINS, PIN_LEAK, PIN_SIGMA, PIN_LIMIT, PIN_OPEN = 4, 2e-8, 1e-9, np.float32(4e-8), 5e-8


@dataclass(frozen=True)
class Prober:
    """What stays the same from wafer to wafer; `card` holds offsets of sites x tests in sigmas."""

    plan: Plan
    die: WaferMap
    tests: Catalogue
    card: Floats


@dataclass(frozen=True)
class Damage:
    """What is wrong with each die: the test its defect fails (-1: none), how far, and contact."""

    column: Ints
    sigmas: Floats
    contact: Bools
    contact_stays: Bools


@dataclass(frozen=True)
class Touches:
    """Measurements of touched die, one row per PIR..PRR: parts x tests, functional tests, pins."""

    die: Ints
    site: Ints
    touchdown: Ints
    is_retest: Bools
    results: Singles
    failed: Bools
    functional_failed: Bools
    pins: Singles
    hard_bin: Ints
    soft_bin: Ints
    test_ms: Ints

    @property
    def passed(self) -> Bools:
        """The verdict of each touch-down."""
        return np.asarray(self.hard_bin == GOOD_BIN)

    @property
    def pins_failed(self) -> Bools:
        """Touch-downs whose multi-result test fails, on any of its pins."""
        return np.asarray((self.pins > PIN_LIMIT).any(axis=1))

    @property
    def decides(self) -> Bools:
        """The last touch-down of each die."""
        return ~np.isin(self.die, self.die[self.is_retest]) | self.is_retest


def sort_wafer(prober: Prober, wafer: Wafer) -> Touches:
    """Touch every die once, then those that failed once more at the end of the wafer."""
    rng = stream(prober.plan.seed, Stream.SORT, wafer.lot_index, wafer.slot)
    damage = _damage(prober, wafer, rng)
    every = np.arange(prober.die.gross_die)
    first = _touch(prober, wafer, every, damage, rng)
    again = _touch(prober, wafer, every[~first.passed], _cured(damage), rng)
    return _join(first, again)


def _kill_ratio(prober: Prober, wafer: Wafer, rng: np.random.Generator) -> Floats:
    """How likely each die of the wafer is killed: its base defects, the bad chamber, bad luck."""
    plan, radius = prober.plan, prober.die.radius
    lot = stream(plan.seed, Stream.LOT_QUALITY, wafer.lot_index).standard_normal()
    level = plan.yields.defect_pct + plan.yields.lot_sigma_pct * lot
    level += plan.yields.wafer_sigma_pct * rng.standard_normal()
    effect = rng.normal(plan.bad.effect_pct, plan.bad.effect_sigma_pct)
    least, most = plan.yields.random_low_pct
    low, angle = rng.uniform(least, most), rng.uniform(0, 2 * np.pi)
    survives = 1 - max(level, 0.3) / 100 * (0.6 + 0.8 * radius**2)
    if wafer.is_bad:
        survives *= 1 - _concentrated(effect, radius > plan.bad.ring_from)
    if wafer.is_random_low:
        half = np.cos(angle) * prober.die.x_coord + np.sin(angle) * prober.die.y_coord > 0
        survives *= 1 - _concentrated(low, half)
    return np.asarray(1 - survives)


def _concentrated(loss_pct: float, where: Bools) -> Floats:
    return np.where(where, min(loss_pct / 100 / where.mean(), 0.95), 0.0)


def _damage(prober: Prober, wafer: Wafer, rng: np.random.Generator) -> Damage:
    plan, count = prober.plan, prober.die.gross_die
    killed = rng.random(count) < _kill_ratio(prober, wafer, rng)
    weights = _weights(prober)
    column = rng.choice(len(weights), size=count, p=weights)
    high_only = np.append(prober.tests.high_only, np.ones(plan.probe.functional_tests, bool))
    sign = np.where(high_only[column] | (rng.random(count) < 0.5), 1.0, -1.0)
    contact = rng.random(count) < plan.yields.contact_pct / 100
    stays = contact & (rng.random(count) > plan.yields.contact_cured)
    sigmas = sign * plan.probe.limit_sigma * rng.uniform(1.15, 2.5, count)
    return Damage(np.where(killed, column, -1), sigmas, contact, stays)


def _weights(prober: Prober) -> Floats:
    plan, group = prober.plan, prober.tests.group
    weight = np.array([one.weight for one in plan.groups])
    parametric = (weight / np.bincount(group, minlength=len(weight)))[group]
    functional = plan.probe.functional_weight / plan.probe.functional_tests
    weights = np.append(parametric, np.full(plan.probe.functional_tests, functional))
    return np.asarray(weights / weights.sum())


def _cured(damage: Damage) -> Damage:
    return Damage(damage.column, damage.sigmas, damage.contact_stays, damage.contact_stays)


def _touch(
    prober: Prober, wafer: Wafer, die: Ints, damage: Damage, rng: np.random.Generator
) -> Touches:
    probe, count = prober.plan.probe, len(die)
    place = np.arange(count)
    sigmas = _sigmas(prober, wafer, die, rng) + prober.card[place % probe.sites]
    _harm(sigmas, damage, die, probe.limit_sigma, rng)
    results = significant(prober.tests.nominal + prober.tests.sigma * sigmas).astype(np.float32)
    failed = (results < prober.tests.lo_limit) | (results > prober.tests.hi_limit)
    columns = probe.tests + np.arange(probe.functional_tests)
    functional_failed = (damage.column[die][:, None] == columns) | damage.contact[die][:, None]
    time = np.rint(rng.normal(probe.test_ms, probe.test_sigma_ms, count))
    hard_bin, soft_bin = _bins(prober, np.hstack([failed, functional_failed]))
    return Touches(
        die=die,
        site=1 + place % probe.sites,
        touchdown=place // probe.sites,
        is_retest=np.zeros(count, bool),
        results=results,
        failed=failed,
        functional_failed=functional_failed,
        pins=_pins(damage.contact[die], rng),
        hard_bin=hard_bin,
        soft_bin=soft_bin,
        test_ms=np.maximum(time, 1).astype(np.int64),
    )


def _sigmas(prober: Prober, wafer: Wafer, die: Ints, rng: np.random.Generator) -> Floats:
    tests, pcm = prober.tests, prober.plan.pcm
    mean, sigma = (np.array([getattr(one, name) for one in pcm]) for name in ("mean", "sigma"))
    follows = tests.pcm_sigma * ((wafer.pcm - mean) / sigma)[tests.pcm]
    bow = tests.radial * (prober.die.radius[die, None] ** 2 - 0.5)
    noise = rng.standard_normal((len(die), len(tests.nominal)))
    return np.asarray(noise + follows + bow + wafer.is_bad * tests.shift)


def _harm(
    sigmas: Floats, damage: Damage, die: Ints, limit_sigma: float, rng: np.random.Generator
) -> None:
    column, count = damage.column[die], len(die)
    rows = np.flatnonzero((column >= 0) & (column < sigmas.shape[1]))
    noise = 0.1 * rng.standard_normal(count)
    sigmas[rows, column[rows]] = damage.sigmas[die][rows] + noise[rows]
    test, far = rng.integers(CONTACT_TESTS, size=count), rng.uniform(1.2, 4.0, count)
    rows = np.flatnonzero(damage.contact[die])
    sigmas[rows, test[rows]] = limit_sigma * far[rows]


def _pins(contact: Bools, rng: np.random.Generator) -> Singles:
    leak = PIN_LEAK + PIN_SIGMA * rng.standard_normal((len(contact), PINS))
    leak[contact] += PIN_OPEN
    rounded: Singles = significant(leak).astype(np.float32)
    return rounded


def _bins(prober: Prober, failed: Bools) -> tuple[Ints, Ints]:
    functional = np.full(prober.plan.probe.functional_tests, len(prober.plan.groups))
    group = np.append(prober.tests.group, functional)
    first, good = failed.argmax(axis=1), ~failed.any(axis=1)
    hard_bin = np.where(good, GOOD_BIN, FIRST_FAIL_BIN + group[first])
    return hard_bin, np.where(good, GOOD_BIN, FIRST_FAIL_SOFT_BIN + first)


def _join(first: Touches, again: Touches) -> Touches:
    later = replace(
        again,
        touchdown=again.touchdown + first.touchdown[-1] + 1,
        is_retest=np.ones_like(again.is_retest),
    )
    names = [field.name for field in fields(Touches)]
    pairs = {name: (getattr(first, name), getattr(later, name)) for name in names}
    return Touches(**{name: np.concatenate(pair) for name, pair in pairs.items()})
