"""Wafer sort and final test in a plan."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fabsim.plan.bounds import (
    Level,
    Milliseconds,
    Name,
    Numbered,
    Percent,
    Positive,
    Share,
    Sigmas,
    Spreads,
    formatted,
)
from fabyield.settings.typed import between

# The first group of a plan has so many tests at every insertion.
CONTACT_TESTS = 3


class Unit(StrEnum):
    """What an insertion tests: die of wafers, or packaged parts."""

    WAFER = "wafer"
    PACKAGE = "package"


class ByteOrder(StrEnum):
    """How a tester's computer stores numbers."""

    LITTLE = "little"
    BIG = "big"


class Retest(StrEnum):
    """What a tester says of a second touch-down: PRR.PART_FLG bit 0, bit 1, or nothing."""

    SAME_PART_ID = "same_part_id"
    SAME_XY = "same_xy"
    NONE = "none"


class Says(StrEnum):
    """How often a tester writes texts and limits of a test: with its first result, or each."""

    ONCE = "once"
    ALWAYS = "always"


@dataclass(frozen=True)
class Insertion:
    """One pass of test, `after_nights` after a lot's night.

    Of the bad die that reach it, it catches the share `coverage`. `share` of the die that are
    still good are tested. Contact fails are in percent of touch-downs; a retest cures the share
    `contact_cured`. Times are in milliseconds: of one touch-down of all sites, its spread, and
    the step to the next.
    """

    insertion: Name
    unit: Unit
    after_nights: Annotated[int, between(0, 1_000)]
    job_nam: Annotated[str, formatted("product")]
    job_rev: str
    first_test_num: Annotated[int, between(0, 2_000_000_000)]
    tests: Annotated[int, between(8, 800)]
    functional_tests: Annotated[int, between(1, 1_000)]
    sites: Annotated[int, between(1, 255)]
    coverage: Share
    share: Share
    contact_pct: Percent
    contact_cured: Share
    test_ms: Annotated[float, between(1, 1e7)]
    test_sigma_ms: Milliseconds
    index_ms: Milliseconds


@dataclass(frozen=True)
class Spread:
    """How results scatter, in sigmas of a test.

    Limits stand `limit_sigma` off the nominal value; results of good die stay inside. `radial`
    is the bow from centre to edge, `edge` the step in the outermost rim, `reticle` the spread
    over the places of a reticle, `site` that over the sites of a probe card, `wafer` that from
    wafer to wafer, `repeat` that from touch-down to touch-down of one die.
    """

    limit_sigma: Annotated[float, between(1, 100)]
    radial: Spreads
    edge: Spreads
    reticle: Spreads
    site: Spreads
    wafer: Spreads
    repeat: Spreads


@dataclass(frozen=True)
class Group:
    """Tests of one kind: they share a unit, a bin and the PCM parameter that they follow.

    Any two tests of the group correlate by `rho` on the die of a wafer. A test at place k has
    nominal x (1 + step x k); `weight` is its share of bad die.
    """

    group: Name
    units: str
    res_scal: Annotated[int, between(-15, 15)]
    nominal: Level
    sigma: Positive
    step: Annotated[float, between(-1, 100)]
    weight: Annotated[float, between(0, 1_000)]
    rho: Share
    pcm: str
    pcm_sigma: Sigmas
    high_only: bool


@dataclass(frozen=True)
class Habits:
    """The habits of testers of one make; `wafer_id` is a format of {lot} and {slot}.

    They probe wafers or test packages, and as many are set up as a night's lots need.
    """

    node_nam: Numbered
    unit: Unit
    tstr_typ: str
    byte_order: ByteOrder
    oper_nam: str
    wafer_id: str
    retest: Retest
    says: Says
