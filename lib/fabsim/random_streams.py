"""Independent random streams: the draws of one wafer never move those of another."""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What a stream of random numbers is for."""

    PRODUCT = 1
    ROUTE = 2
    LOT_FATE = 3
    PCM = 4
    CATALOGUE = 5
    PROBE_CARD = 6
    HIT = 7
    DAMAGE = 8
    PATTERN = 9
    FACTOR = 10
    CONTACT = 11
    NOISE = 12
    TOUCH = 13
    PACKAGES = 14
    DIRT = 15
    RETICLE = 16
    SENSOR = 17
    SENSOR_FAULT = 18
    TOOL_LOG = 19
    CLOCK = 20


def stream(seed: int, purpose: Stream, *place: int) -> np.random.Generator:
    """Give the generator of `purpose` at `place`, e.g. a lot's and a wafer's number."""
    source = np.random.SeedSequence(seed, spawn_key=(int(purpose), *place))
    return np.random.Generator(np.random.PCG64(source))
