"""What goes wrong between a tester and the landing zone, at the rates of the plan."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from fabsim.calendar import DAY, HOUR
from fabsim.plan.plan import Plan
from fabsim.random_streams import Stream, stream

# The numbers of a session's lot, insertion and carrier.
SessionKey = tuple[int, int, int]
ENDING = ".stdf.gz"
# Spellings that no rule for wafer IDs can correct.
MISSPELT = ("Q{slot:02d}?", "X{slot:02d}B", "TEST-{slot:02d}", "0O{slot:02d}")
CLOCKS = (-DAY, -HOUR, HOUR, 400 * DAY)
# How many nights later a file is delivered a second time.
AGAIN_NIGHTS = (1, 3)
CUT = (0.1, 0.95)
DAMAGED_STRETCHES, STRETCH = 4, 200
# The first bytes of a file, which identify it, stay intact.
HEAD = 400


class Change(StrEnum):
    """How a delivered file differs from the tester's file."""

    WHOLE = "whole"
    CUT = "cut"
    CUT_STREAM = "cut_stream"
    CORRUPT = "corrupt"


class Reason(StrEnum):
    """Why a file is delivered; `mended` is the whole file after a truncated one."""

    ON_TIME = "on_time"
    LATE = "late"
    AGAIN = "again"
    RENAMED = "renamed"
    MENDED = "mended"


@dataclass(frozen=True)
class Delivery:
    """One file of the landing zone: the night whose folder it is in, and its name."""

    night: int
    name: str
    change: Change
    reason: Reason


@dataclass(frozen=True)
class Flaws:
    """What is wrong with one test session and its files.

    `spelling`, a format of {slot}, is a misspelt wafer ID; the tester's clock is `clock_seconds`
    fast all night.
    """

    spelling: str | None
    clock_seconds: int
    deliveries: tuple[Delivery, ...]


def draw_flaws(plan: Plan, key: SessionKey, tester: int, night: int, name: str) -> Flaws:
    """Draw the flaws of a session on `tester` in `night`, and of its files called `name`."""
    rng = stream(plan.seed, Stream.DIRT, *key)
    is_misspelt = bool(rng.random() < plan.dirt.misspelt)
    spelling = MISSPELT[int(rng.integers(len(MISSPELT)))]
    clock = stream(plan.seed, Stream.CLOCK, tester, night)
    is_wrong = bool(clock.random() < plan.dirt.clock)
    return Flaws(
        spelling=spelling if is_misspelt else None,
        clock_seconds=int(clock.choice(CLOCKS)) if is_wrong else 0,
        deliveries=tuple(_deliveries(plan, rng, night, name)),
    )


def apply_change(plan: Plan, key: SessionKey, change: Change, content: bytes) -> bytes:
    """Return `content` cut or damaged, before compression."""
    rng = stream(plan.seed, Stream.DIRT, *key, 1)
    if change is Change.CUT:
        return _cut(rng, content)
    return _damaged(rng, content) if change is Change.CORRUPT else content


def cut_transfer(plan: Plan, key: SessionKey, packed: bytes) -> bytes:
    """Return a compressed file that was cut off during its transfer."""
    return _cut(stream(plan.seed, Stream.DIRT, *key, 2), packed)


def max_delay(plan: Plan) -> int:
    """Return how many nights after its test a file may still be delivered."""
    dirt = plan.dirt
    late = max(dirt.late_nights) if dirt.late else 0
    return late + (AGAIN_NIGHTS[1] if dirt.duplicated or dirt.truncated else 0)


def _deliveries(plan: Plan, rng: np.random.Generator, night: int, name: str) -> Iterator[Delivery]:
    dirt = plan.dirt
    late, twice, renamed, broken, mended = rng.random(5).tolist()
    ranges = dirt.late_nights, AGAIN_NIGHTS
    delay, pause = (int(rng.integers(least, most + 1)) for least, most in ranges)
    is_stream = bool(rng.random() < 0.5)
    first = night + delay if late < dirt.late else night
    reason = Reason.LATE if late < dirt.late else Reason.ON_TIME
    change = Change.WHOLE
    if broken < dirt.truncated:
        change = Change.CUT_STREAM if is_stream else Change.CUT
    elif broken < dirt.truncated + dirt.corrupt:
        change = Change.CORRUPT
    yield Delivery(first, name, change, reason)
    if broken < dirt.truncated and mended < dirt.redelivered:
        yield Delivery(first + 1, name, Change.WHOLE, Reason.MENDED)
    elif twice < dirt.duplicated:
        yield Delivery(first + pause, name, change, Reason.AGAIN)
    if renamed < dirt.renamed:
        yield Delivery(first, f"copy_of_{name}", change, Reason.RENAMED)


def _cut(rng: np.random.Generator, content: bytes) -> bytes:
    size = len(content)
    return content[: min(max(HEAD, int(size * rng.uniform(*CUT))), size - 1)]


def _damaged(rng: np.random.Generator, content: bytes) -> bytes:
    data = np.frombuffer(content, np.uint8).copy()
    for _ in range(int(rng.integers(1, DAMAGED_STRETCHES + 1))):
        begin = int(rng.integers(min(HEAD, len(data)), len(data)))
        size = min(int(rng.integers(8, STRETCH)), len(data) - begin)
        data[begin : begin + size] = rng.integers(0, 256, size, dtype=np.uint8)
    return data.tobytes()
