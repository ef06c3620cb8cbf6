"""Independent random streams: the draws of one wafer never move those of another."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a stream of random numbers is for."""

    LOT_STARTS = 1
    ROUTE = 2
    RANDOM_LOW = 3
    PCM = 4
    CATALOGUE = 5
    PROBE_CARD = 6
    SORT = 7
    LOT_QUALITY = 8


def stream(seed: int, purpose: Stream, *place: int) -> np.random.Generator:
    """Give the generator of `purpose` at `place`, e.g. a lot's and a wafer's number."""
    source = np.random.SeedSequence(seed, spawn_key=(int(purpose), *place))
    return np.random.Generator(np.random.PCG64(source))
