"""PCM readings of a lot after the last process step."""

import numpy as np

from fabsim.arrays import Floats, Ints, column, significant
from fabsim.calendar import HOUR, MINUTE
from fabsim.line.lots import StartedLot
from fabsim.plan.plan import Plan
from fabsim.random_streams import Stream, stream

PCM_TIME = 4 * MINUTE


def measure_pcm(plan: Plan, lot: StartedLot, hit: Floats) -> Floats:
    """Return the PCM values of a lot in their units: wafers x parameters of the plan.

    `hit` is how strongly each excursion hits each wafer: excursions x wafers.
    """
    rng = stream(plan.seed, Stream.PCM, lot.index)
    size = (len(lot.slots), len(plan.pcm))
    common, own = rng.standard_normal(size[1]), rng.standard_normal(size)
    sigmas = np.sqrt(plan.pcm_lot_share) * common + np.sqrt(1 - plan.pcm_lot_share) * own
    for one, strength in zip(plan.excursions, hit, strict=True):
        shift = [one.effect.pcm_sigma.get(parameter.pcm_test, 0.0) for parameter in plan.pcm]
        sigmas += strength[:, None] * np.array(shift)
    return significant(column(plan.pcm, "mean") + column(plan.pcm, "sigma") * sigmas)


def measured_at(plan: Plan, lot: StartedLot) -> Ints:
    """Return when each wafer of a finished lot is measured."""
    first = int(lot.ended[-1].max()) + round(HOUR * plan.line.pcm_hours)
    return np.asarray(first + PCM_TIME * np.arange(len(lot.slots)))
