"""Independent random streams: the draws of one wafer never change those of another."""

from enum import IntEnum

import numpy as np

# The position of a name is part of its seed: append new names at the end.
Stream = IntEnum(
    "Stream",
    "PRODUCT ROUTE LOT_RENAME PCM CATALOGUE PROBE_CARD HIT DAMAGE PATTERN FACTOR CONTACT NOISE "
    "TOUCH PACKAGES DIRT RETICLE SENSOR SENSOR_FAULT TOOL_LOG CLOCK",
)


def stream(seed: int, purpose: Stream, *key: int) -> np.random.Generator:
    """Return the generator for `purpose` and `key`, e.g. the numbers of a lot and a wafer."""
    source = np.random.SeedSequence(seed, spawn_key=(int(purpose), *key))
    return np.random.Generator(np.random.PCG64(source))
