"""The night's printed summary, for a terminal."""

from textwrap import wrap

from fabyield.errors import plain
from fabyield.reports.formatting import MISSING, WIDTH, count, number, or_dash, percent, text_table
from fabyield.reports.lot_yields import (
    LotYield,
    grouped,
    insertion_counts,
    product_yields,
    worst_wafers,
)
from fabyield.reports.night_data import BinCount, ModelFigures, Night, WaferYield

MAX_WAFERS = 30
WORST_WAFERS = 10
WORST_BINS = 3
WAFER_HEADS = ("Lot", "Wafer", "Product", "Ins.", "Tested die", "First pass", "Final")
LOT_HEADS = (
    *("Lot", "Product", "Ins.", "Wafers"),
    *("First pass", "Final", "Lowest wafer", "Highest wafer"),
)


def summary(night: Night) -> str:
    """Return lines of at most 100 columns; control characters in names are replaced."""
    sections = [
        [f"fabyield, night of {night.night_on}", *_alarms(night)],
        _findings(night),
        [*_files(night), *_unmatched(night)],
        _rows(night),
        _tested(night),
        _yields(night),
        _bins(night.bins),
        _broken(night),
        [line for model in night.models for line in _model(model)],
        _predictions(night),
        [f"Lake  {plain(night.lake)}", f"Page  {plain(night.page)}"],
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _alarms(night: Night) -> list[str]:
    earlier = night.earlier_nights
    failed = [
        line
        for step in night.failed_steps
        for line in _wrapped(
            f"{step.state.upper()}: step {step.step}; {step.message or 'see log'}", ""
        )
    ]
    if not night.is_whole:
        last = night.last_whole_on
        of = f"as of the night of {last}" if last else "of no whole night yet"
        failed.insert(0, f"THIS NIGHT DID NOT END: the figures below are {of}")
    missed = [f"Earlier nights without a page, which are included: {earlier}"] if earlier else []
    return (
        failed
        + missed
        + [
            f"UNACCOUNTED: {plain(rows.table)}: rows in differ from rows out + quarantined + "
            f"duplicates by {count(rows.unaccounted)}"
            for rows in night.unaccounted
        ]
    )


def _findings(night: Night) -> list[str]:
    lines = [
        f"{one.finding} [{one.state}, {number(one.lost_good_die, 0)} good die lost]"
        for one in night.findings
    ]
    wrapped = (wrap(plain(line), WIDTH, subsequent_indent="  ") for line in lines)
    return ["Findings", *(part for parts in wrapped for part in parts)] if lines else []


def _files(night: Night) -> list[str]:
    files = night.files
    counts = (
        f"STDF files: {count(files.read)} read, {count(files.duplicate)} duplicate, "
        f"{count(files.incomplete)} incomplete, {count(files.broken)} broken"
    )
    quiet = "No STDF file was new this night; the tables are unchanged."
    return [counts] if files.new else [counts, quiet]


def _unmatched(night: Night) -> list[str]:
    shares = {share.metric: share for share in night.unmatched}
    nouns = {"unmatched_touchdowns_ratio": "touch-downs", "unmatched_wafers_ratio": "tested wafers"}
    parts = [
        f"{count(share.counted)} of {count(share.total)} {noun} ({percent(100 * share.value)})"
        for metric, noun in nouns.items()
        if (share := shares.get(metric)) is not None and share.counted
    ]
    return [f"Unknown to the factory database: {', '.join(parts)}"] if parts else []


def _rows(night: Night) -> list[str]:
    heads = ("Table", "Rows in", "Rows out", "Quarantined", "Duplicates")
    rows = [
        (r.table, *map(count, (r.rows_in, r.rows_out, r.quarantined, r.duplicates)))
        for r in night.rows
    ]
    return ["Rows", *text_table(heads, rows)] if rows else []


def _tested(night: Night) -> list[str]:
    insertions = insertion_counts(night.yields)
    wafers = [
        (one.insertion, *map(count, (one.lots, one.wafers, one.parts)))
        for one in insertions
        if not one.is_packaged
    ]
    packages = [
        (one.insertion, count(one.lots), count(one.parts)) for one in insertions if one.is_packaged
    ]
    lines = [f"Wafers sorted: {count(night.wafers)}"] if insertions else []
    lines += text_table(("Ins.", "Lots", "Wafers", "Tested die"), wafers) if wafers else []
    heads = ("Ins.", "Lots", "Tested packages")
    return [*lines, *(["Packages tested", *text_table(heads, packages)] if packages else [])]


def _yields(night: Night) -> list[str]:
    if not night.yields:
        return ["Yield: no wafer was sorted this night."]
    lots = [lot for product in product_yields(night.yields) for lot in product.lots]
    wafers = [wafer for lot in lots if not lot.is_packaged for wafer in lot.wafers]
    lines = ["Yield by lot", *text_table(LOT_HEADS, [_lot(lot) for lot in lots], 3)]
    if len(wafers) <= MAX_WAFERS:
        return [*lines, *(_wafers("Wafers", wafers) if wafers else [])]
    for some in grouped(wafers, lambda wafer: wafer.insertion):
        worst = worst_wafers(some)[:WORST_WAFERS]
        of = f"{count(len(some))} wafers at {plain(some[0].insertion)}"
        lines += _wafers(f"Worst {len(worst)} of {of}", worst)
    return lines


def _wafers(title: str, wafers: list[WaferYield]) -> list[str]:
    return ["", title, *text_table(WAFER_HEADS, [_wafer(wafer) for wafer in wafers], 4)]


def _lot(lot: LotYield) -> tuple[str, ...]:
    extremes = (
        f"{or_dash(one.wafer_id)} {percent(one.final_yield_pct)}" if one else MISSING
        for one in (lot.lowest, lot.highest)
    )
    return (
        *(or_dash(lot.lot_id), or_dash(lot.product_id), lot.insertion),
        MISSING if lot.is_packaged else count(len(lot.wafers)),
        *(percent(lot.first_pass_yield_pct), percent(lot.final_yield_pct)),
        *extremes,
    )


def _wafer(wafer: WaferYield) -> tuple[str, ...]:
    return (
        *map(or_dash, (wafer.lot_id, wafer.wafer_id, wafer.product_id, wafer.insertion)),
        count(wafer.tested_die),
        *(percent(wafer.first_pass_yield_pct), percent(wafer.final_yield_pct)),
    )


def _bins(bins: list[BinCount]) -> list[str]:
    rows = [
        (
            or_dash(one.product_id),
            or_dash(one.insertion),
            f"{'hard' if one.bin_kind == 'H' else 'soft'} {one.bin_num}",
            *(or_dash(one.bin_nam), count(one.die), percent(one.share_pct)),
        )
        for kind in grouped(bins, lambda one: (*one.tested_in, one.bin_kind))
        for one in kind[:WORST_BINS]
    ]
    heads = ("Product", "Ins.", "Bin", "Name", "Die", "Share of failing die")
    return ["Worst bins", *text_table(heads, rows, 4)] if rows else []


def _broken(night: Night) -> list[str]:
    if not night.broken:
        return [f"No expectation was {'broken' if night.asked else 'checked this night'}."]
    lines = [
        line
        for one in sorted(night.broken, key=lambda one: one.severity)
        for line in _wrapped(
            f"{one.severity.upper()} {one.table} ({one.owner}): {one.expectation} "
            f"{one.arguments}; observed {one.observed}. {one.advice}"
        )
    ]
    return [f"Expectations broken: {len(night.broken)}", *lines]


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
    total = f"{count(len(unsorted))} wafers not yet sorted"
    return [f"Low yield predicted for {count(low)} of {total}."] if unsorted else []


def _wrapped(line: str, indent: str = "  ") -> list[str]:
    return wrap(plain(line), WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")
