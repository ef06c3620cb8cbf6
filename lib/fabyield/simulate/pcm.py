"""What the process control monitors of a lot read after the last step."""

import numpy as np

from fabyield.simulate.arrays import Bools, Floats, significant
from fabyield.simulate.plan import Plan
from fabyield.simulate.streams import Stream, stream


def measure_pcm(plan: Plan, lot_index: int, is_bad: Bools) -> Floats:
    """One row per wafer of the lot, one column per parameter of the plan, in its unit."""
    rng = stream(plan.seed, Stream.PCM, lot_index)
    size = (len(is_bad), len(plan.pcm))
    lot, wafer = rng.standard_normal(size[1]), rng.standard_normal(size)
    sigmas = np.sqrt(plan.pcm_lot_share) * lot + np.sqrt(1 - plan.pcm_lot_share) * wafer
    shift = np.array([plan.bad.pcm_sigma.get(one.pcm_test, 0.0) for one in plan.pcm])
    sigmas += is_bad[:, None] * shift
    mean, sigma = (np.array([getattr(one, name) for one in plan.pcm]) for name in ("mean", "sigma"))
    return significant(mean + sigma * sigmas)
