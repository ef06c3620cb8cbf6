"""The night's printed summary: what the night shift reads in a terminal."""

from textwrap import wrap

from fabyield.errors import plain
from fabyield.reports.formatting import MISSING, count, named, number, percent
from fabyield.reports.lot_yields import LotYield, grouped, product_yields, worst_wafers
from fabyield.reports.night_data import (
    BinCount,
    BrokenExpectation,
    ModelFigures,
    Night,
    WaferYield,
)
from fabyield.reports.text_table import WIDTH, table

__all__ = ["summary"]

MAX_WAFERS = 30
WORST_WAFERS = 10
WORST_BINS = 5
WAFER_HEADS = ("Lot", "Wafer", "Product", "Ins.", "Tested die", "First pass", "Final")
LOT_HEADS = (
    *("Lot", "Product", "Ins.", "Wafers"),
    *("First pass", "Final", "Lowest wafer", "Highest wafer"),
)


def summary(night: Night) -> str:
    """Return lines of at most 100 columns; control characters in names are replaced."""
    sections = [
        [f"fabyield, night of {night.night_on}", *_alarms(night)],
        [*_files(night), *_unmatched(night)],
        _rows(night),
        _yields(night),
        _bins(night.bins),
        _broken(night.broken),
        _models(night.models),
        _predictions(night),
        [f"Lake  {plain(night.lake)}", f"Page  {plain(night.page)}"],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _alarms(night: Night) -> list[str]:
    failed = [
        f"FAILED: step {plain(step.step)}; what stands below may lack this night's data"
        for step in night.failed_steps
    ]
    return failed + [
        f"UNACCOUNTED: {plain(rows.table)}: rows in differ from rows out + quarantined + "
        f"duplicates by {count(rows.unaccounted)}"
        for rows in night.unaccounted
    ]


def _files(night: Night) -> list[str]:
    files = night.files
    counts = (
        f"STDF files: {count(files.read)} read, {count(files.duplicate)} duplicate, "
        f"{count(files.incomplete)} incomplete, {count(files.broken)} broken"
    )
    quiet = "No STDF file was new this night; tables stay as they were."
    return [counts] if files.new else [counts, quiet]


def _unmatched(night: Night) -> list[str]:
    shares = {share.metric: share for share in night.unmatched}
    nouns = {"unmatched_touchdowns_ratio": "touch-downs", "unmatched_wafers_ratio": "tested wafers"}
    told = [
        f"{count(share.counted)} of {count(share.total)} {noun} ({percent(100 * share.value)})"
        for metric, noun in nouns.items()
        if (share := shares.get(metric)) is not None and share.counted
    ]
    return (
        [f"Unmatched, of wafers that the factory does not know: {', '.join(told)}"] if told else []
    )


def _rows(night: Night) -> list[str]:
    heads = ("Table", "Rows in", "Rows out", "Quarantined", "Duplicates")
    rows = [
        (r.table, count(r.rows_in), count(r.rows_out), count(r.quarantined), count(r.duplicates))
        for r in night.rows
    ]
    return ["Rows", *table(heads, rows)] if rows else []


def _yields(night: Night) -> list[str]:
    if not night.yields:
        return ["Yield: no wafer was sorted this night."]
    lots = [lot for product in product_yields(night.yields) for lot in product.lots]
    few = len(night.yields) <= MAX_WAFERS
    worst = worst_wafers(night.yields)[:WORST_WAFERS]
    wafers = [wafer for lot in lots for wafer in lot.wafers] if few else worst
    about = "Wafers" if few else f"Worst {len(worst)} of {count(len(night.yields))} wafers"
    by_lot = table(LOT_HEADS, [_lot(lot) for lot in lots], 3)
    by_wafer = table(WAFER_HEADS, [_wafer(wafer) for wafer in wafers], 4)
    return ["Yield by lot", *by_lot, "", about, *by_wafer]


def _lot(lot: LotYield) -> tuple[str, ...]:
    return (
        *(named(lot.lot_id), named(lot.product_id), lot.insertion),
        *(count(len(lot.wafers)), percent(lot.first_pass_yield_pct), percent(lot.final_yield_pct)),
        *(_named(lot.lowest), _named(lot.highest)),
    )


def _named(wafer: WaferYield | None) -> str:
    return f"{named(wafer.wafer_id)} {percent(wafer.final_yield_pct)}" if wafer else MISSING


def _wafer(wafer: WaferYield) -> tuple[str, ...]:
    return (
        *(named(wafer.lot_id), named(wafer.wafer_id)),
        *(named(wafer.product_id), wafer.insertion, count(wafer.tested_die)),
        *(percent(wafer.first_pass_yield_pct), percent(wafer.final_yield_pct)),
    )


def _bins(bins: list[BinCount]) -> list[str]:
    kinds = grouped(bins, lambda one: (one.product_id, one.bin_kind))
    rows = [_bin(one) for kind in kinds for one in kind[:WORST_BINS]]
    heads = ("Product", "Bin", "Name", "Die", "Share of failing die")
    return ["Worst bins", *table(heads, rows, 3)] if rows else []


def _bin(one: BinCount) -> tuple[str, ...]:
    kind = "hard" if one.bin_kind == "H" else "soft"
    name = f"{kind} {one.bin_num}", named(one.bin_nam)
    return named(one.product_id), *name, count(one.die), percent(one.share_pct)


def _broken(broken: list[BrokenExpectation]) -> list[str]:
    if not broken:
        return ["No expectation was broken."]
    lines = [
        line
        for one in sorted(broken, key=lambda one: one.severity)
        for line in _wrapped(
            f"{one.severity.upper()} {one.table} ({one.owner}): {one.expectation} "
            f"{one.arguments}; observed {one.observed}. {one.advice}"
        )
    ]
    return [f"Expectations broken: {len(broken)}", *lines]


def _models(models: list[ModelFigures]) -> list[str]:
    return [line for model in models for line in _model(model)]


def _model(model: ModelFigures) -> list[str]:
    if not model.trained:
        return _wrapped(f"{model.product_id}: no model: {model.reason}", indent="")
    verdict = "" if model.is_above_baselines else "; NO BETTER THAN A BASELINE"
    about = (
        f"{model.product_id}: low yield is below {percent(model.low_yield_threshold_pct)}; "
        f"{count(model.test_wafers)} test wafers, {count(model.test_low_wafers)} low{verdict}"
    )
    return [
        *_wrapped(about, indent=""),
        f"  PR-AUC {number(model.pr_auc, 3)} (all-pass {number(model.pr_auc_all_pass, 3)}, "
        f"lot mean {number(model.pr_auc_lot_mean, 3)}), F1 {number(model.f1, 3)} "
        f"(all-pass {number(model.f1_all_pass, 3)}, lot mean {number(model.f1_lot_mean, 3)})",
        f"  recall {number(model.recall, 3)} (95 % interval {number(model.recall_low, 3)} to "
        f"{number(model.recall_high, 3)}), precision {number(model.precision, 3)}",
    ]


def _predictions(night: Night) -> list[str]:
    unsorted = [wafer for wafer in night.predictions if wafer.actual_low_yield is None]
    low = sum(wafer.predicted_low_yield for wafer in unsorted)
    whole = f"{count(len(unsorted))} wafers not yet sorted"
    return [f"Low yield predicted for {count(low)} of {whole}."] if unsorted else []


def _wrapped(line: str, indent: str = "  ") -> list[str]:
    return wrap(plain(line), WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
