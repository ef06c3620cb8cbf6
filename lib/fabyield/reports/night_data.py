"""The values that a night's page and summary show."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal, NamedTuple

from fabyield.quality.row_counts import TableRows


@dataclass(frozen=True)
class FileCounts:
    """STDF files by status; each file counts once."""

    read: int = 0
    duplicate: int = 0
    incomplete: int = 0
    broken: int = 0

    @property
    def new(self) -> int:
        """Files with content that is new this night."""
        return self.read + self.incomplete + self.broken


@dataclass(frozen=True)
class Unmatched:
    """How many of the newest tests, or of all wafers, the factory database does not know."""

    metric: str
    counted: int
    total: int
    value: float


@dataclass(frozen=True)
class WaferYield:
    """Die counts and yield of one wafer in one insertion; unknown names are None.

    If `is_packaged`, they are of the lot's packages: parts that were on no wafer when tested.
    """

    lot_id: str | None
    wafer_id: str | None
    product_id: str | None
    insertion: str
    tested_die: int
    first_pass_die: int
    good_die: int
    recovered_die: int
    gross_die: int | None
    first_pass_yield_pct: float | None
    final_yield_pct: float | None
    gross_die_yield_pct: float | None
    is_packaged: bool = False


@dataclass(frozen=True)
class BinCount:
    """One failing bin, with its share and running sum in percent of the failing die.

    These are the die, or packages, of one product in one insertion.
    """

    product_id: str | None
    insertion: str
    is_packaged: bool
    bin_kind: Literal["H", "S"]
    bin_num: int
    bin_nam: str | None
    die: int
    share_pct: float
    cumulative_pct: float

    @property
    def tested_in(self) -> tuple[str | None, str, bool]:
        """The product and insertion, and whether packages were tested."""
        return self.product_id, self.insertion, self.is_packaged


class Die(NamedTuple):
    """One die with its final hard bin and verdict; None: no valid one."""

    x_coord: int
    y_coord: int
    hard_bin: int | None
    final_pass: bool | None


@dataclass(frozen=True)
class WaferMap:
    """The die of one wafer; `wf_flat`, `pos_x`, `pos_y` are from STDF's WCR, None: not recorded."""

    lot_id: str | None
    wafer_id: str | None
    insertion: str
    final_yield_pct: float | None
    die: list[Die]
    wf_flat: str | None = None
    pos_x: str | None = None
    pos_y: str | None = None


@dataclass(frozen=True)
class BrokenExpectation:
    """An expectation that failed, what was observed, and what its owner should look at."""

    table: str
    owner: str
    severity: str
    expectation: str
    arguments: str
    observed: str
    advice: str


@dataclass(frozen=True)
class Evidence:
    """What supports a finding; `value` is of the affected wafers, see gold.excursion_evidence."""

    kind: str
    subject: str
    value: float | None = None
    other_value: float | None = None
    difference: float | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Finding:
    """Where wafers lose yield, in a sentence, with the evidence for it; see gold.excursion."""

    finding: str
    excursion_id: str
    product_id: str
    insertion: str
    state: Literal["new", "ongoing", "ended"]
    first_found_on: date
    lost_good_die: float
    affected_wafers: int
    other_yield_pct: float | None = None
    yield_pct: float | None = None
    evidence: list[Evidence] = field(default_factory=list)

    def of(self, *kinds: str) -> list[Evidence]:
        """Return the evidence of some kinds."""
        return [one for one in self.evidence if one.kind in kinds]


@dataclass(frozen=True)
class ModelFigures:
    """A product's low-yield model and its trivial baselines; None if no model was trained.

    `recall_low` and `recall_high` bound the 95 % interval of recall.
    """

    product_id: str
    trained: bool
    reason: str | None = None
    low_yield_threshold_pct: float | None = None
    decision_threshold: float | None = None
    pr_auc: float | None = None
    pr_auc_all_pass: float | None = None
    pr_auc_lot_mean: float | None = None
    f1: float | None = None
    f1_all_pass: float | None = None
    f1_lot_mean: float | None = None
    precision: float | None = None
    recall: float | None = None
    recall_low: float | None = None
    recall_high: float | None = None
    train_wafers: int | None = None
    train_low_wafers: int | None = None
    test_wafers: int | None = None
    test_low_wafers: int | None = None

    @property
    def is_above_baselines(self) -> bool:
        """Whether PR-AUC is above every known baseline."""
        known = [b for b in (self.pr_auc_all_pass, self.pr_auc_lot_mean) if b is not None]
        return self.pr_auc is not None and all(self.pr_auc > baseline for baseline in known)


@dataclass(frozen=True)
class Driver:
    """A feature's contribution to one prediction, in log-odds: above 0 predicts low yield."""

    feature: str
    feature_value: float | None
    contribution: float


@dataclass(frozen=True)
class Prediction:
    """A wafer's probability (0-1) of low yield, with its drivers, strongest first."""

    lot_id: str | None
    wafer_id: str | None
    product_id: str
    split: Literal["train", "test", "unsorted"]
    low_yield_probability: float
    predicted_low_yield: bool
    actual_low_yield: bool | None = None
    drivers: list[Driver] = field(default_factory=list)


class TopDriver(NamedTuple):
    """A feature's mean |contribution| (log-odds) over a product's test wafers."""

    product_id: str
    feature: str
    mean_abs_contribution: float


@dataclass(frozen=True)
class StepResult:
    """One step of the night; the states `failed` and `stopped` raise an alarm on the page."""

    step: str
    state: str
    seconds: float
    rows_out: int | None = None
    message: str | None = None


@dataclass(frozen=True)
class Night:
    """One night; the lists are in the order in which the page shows them.

    It includes the `earlier_nights` whose page was not made. A night that stopped is not `whole`:
    its tables are as of `last_whole_on`, the last night that was, None if none ever was. So many
    expectations were `asked`.
    """

    night_on: date
    lake: str
    page: str
    files: FileCounts = FileCounts()
    findings: list[Finding] = field(default_factory=list)
    rows: list[TableRows] = field(default_factory=list)
    unmatched: list[Unmatched] = field(default_factory=list)
    yields: list[WaferYield] = field(default_factory=list)
    bins: list[BinCount] = field(default_factory=list)
    maps: list[WaferMap] = field(default_factory=list)
    broken: list[BrokenExpectation] = field(default_factory=list)
    models: list[ModelFigures] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    top_drivers: list[TopDriver] = field(default_factory=list)
    steps: list[StepResult] = field(default_factory=list)
    earlier_nights: int = 0
    is_whole: bool = True
    last_whole_on: date | None = None
    asked: int = 0

    @property
    def wafers(self) -> int:
        """Wafers with a yield; one with several insertions counts once, packages do not count."""
        wafers = (one for one in self.yields if not one.is_packaged)
        return len({(wafer.product_id, wafer.lot_id, wafer.wafer_id) for wafer in wafers})

    @property
    def quarantined(self) -> int:
        """Rows that all tables together have quarantined."""
        return sum(rows.quarantined for rows in self.rows)

    @property
    def unaccounted(self) -> list[TableRows]:
        """Tables with rows in that are neither rows out, quarantined nor duplicates."""
        return [rows for rows in self.rows if rows.unaccounted]

    @property
    def failed_steps(self) -> list[StepResult]:
        """Steps that did not finish."""
        return [step for step in self.steps if step.state in ("failed", "stopped")]
