"""What the process control monitors of a lot read after the last step."""

import numpy as np

from fabsim.arrays import Floats, Ints, significant
from fabsim.calendar import HOUR, MINUTE
from fabsim.line.lots import StartedLot
from fabsim.plan.plan import Plan
from fabsim.random_streams import Stream, stream

PCM_TIME = 4 * MINUTE


def measure_pcm(plan: Plan, lot: StartedLot, hit: Floats) -> Floats:
    """One row per wafer of the lot, one column per parameter of the plan, in its unit.

    `hit` tells how strongly each excursion hits each wafer: excursions x wafers.
    """
    rng = stream(plan.seed, Stream.PCM, lot.index)
    size = (len(lot.slots), len(plan.pcm))
    common, own = rng.standard_normal(size[1]), rng.standard_normal(size)
    sigmas = np.sqrt(plan.pcm_lot_share) * common + np.sqrt(1 - plan.pcm_lot_share) * own
    for one, strength in zip(plan.excursions, hit, strict=True):
        moved = one.effect.pcm_sigma
        shift = np.array([moved.get(parameter.pcm_test, 0.0) for parameter in plan.pcm])
        sigmas += strength[:, None] * shift
    mean, sigma = (np.array([getattr(one, name) for one in plan.pcm]) for name in ("mean", "sigma"))
    return significant(mean + sigma * sigmas)


def measured_at(plan: Plan, lot: StartedLot) -> Ints:
    """When each wafer is measured; only of a lot that is finished."""
    first = int(lot.ended[-1].max()) + round(HOUR * plan.line.pcm_hours)
    return np.asarray(first + PCM_TIME * np.arange(len(lot.slots)))
