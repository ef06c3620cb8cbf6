"""Which tool, recipe or tester is suspected of the low wafers of a product, on arrays."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from fabyield.statistics import worst_span
from fabyield.transforms.shared.suspect_arms import Arms, Flags, Place, Row, SuspectRules

MOST_SUSPECTS = 20
# Two places are told apart by at least so many wafers.
TELLING = 3


@dataclass(frozen=True)
class Suspect:
    """A place that is suspected, its figures, the wafers that it hit, and since and until when."""

    place: Place
    row: Row
    affected: Flags


def found_suspects(arms: Arms, rules: SuspectRules) -> list[Suspect]:
    """Return the suspects, strongest first, each without the wafers that those before it hit.

    What only shares wafers with a suspect is no longer suspected once that suspect's wafers are
    left out.
    """
    active, found = np.ones(arms.lot.size, np.bool_), list[Suspect]()
    while len(found) < MOST_SUSPECTS and (arms.is_low & active).any():
        named = {one.place for one in found}
        tested = ((place, row) for place, row in arms.tested(active) if place not in named)
        strong = ((place, row) for place, row in tested if row["q_value"] < rules.q_value)
        suspects = (_suspect(arms, place, row, active) for place, row in strong)
        suspect = next((one for one in suspects if _is_clear(one.row, rules)), None)
        if suspect is None:
            break
        found.append(suspect)
        active = active & ~suspect.affected
    return found


def _is_clear(row: Row, rules: SuspectRules) -> bool:
    effect = row["effect_points"]
    is_large = effect is not None and effect <= -rules.min_points
    return is_large and row["low_lots"] >= rules.min_lots


def _suspect(arms: Arms, place: Place, row: Row, active: Flags) -> Suspect:
    """Find since and until when a place hits wafers, and compare those with its alternatives."""
    here, others = (mask & active for mask in arms.through(place))
    times = arms.times[place[:2]]
    lots, number = np.unique(arms.lot[here], return_inverse=True)
    begun = np.full(lots.size, np.iinfo(np.int64).max)
    np.minimum.at(begun, number, times[here])
    order = np.argsort(begun, kind="stable")
    hit = arms.yield_pct < _halfway(arms, here, others)
    low = np.bincount(number, hit[here])[order].astype(np.int64)
    counts = {"other_bad": int(hit[others].sum()), "others": int(others.sum())}
    span = worst_span(low, np.bincount(number)[order], **counts)
    hit_lots = lots[order[span.begin : span.end]]
    affected = here & np.isin(arms.lot, hit_lots)
    found = arms.figures(place, affected | (others & active))
    since, until = (int(f(times[affected])) if affected.any() else None for f in (min, max))
    more = {
        "since_lot": hit_lots[0] if hit_lots.size else None,
        "until_lot": hit_lots[-1] if hit_lots.size else None,
        "since_at": since,
        "until_at": until,
        "lots_after": int(lots.size - span.end),
        "affected_wafers": int(affected.sum()),
        "affected_lots": int(hit_lots.size),
    }
    return Suspect(place, row | found | more, affected)


def _halfway(arms: Arms, here: Flags, others: Flags) -> float:
    """Return the yield halfway between that of the low wafers of a place and its alternatives'.

    Where many wafers are hit, the limit below which a wafer is low is far below that.
    """
    low = here & arms.is_low
    medians = [np.median(arms.yield_pct[mask]) for mask in (others, low if low.any() else here)]
    return float(np.mean(medians))


def explained_by(arms: Arms, place: Place, suspects: list[Suspect]) -> tuple[Suspect, bool] | None:
    """Return the suspect that hit most of a place's low wafers, and whether it is told apart."""
    here, _ = arms.through(place)
    shared = [int((here & one.affected & arms.is_low).sum()) for one in suspects]
    if not any(shared):
        return None
    suspect = suspects[int(np.argmax(shared))]
    through, _ = arms.through(suspect.place)
    differ = (here & ~through).sum(), (suspect.affected & ~here).sum()
    return suspect, max(differ) >= TELLING


_REALS = ("yield_pct", "other_yield_pct", "effect_points", "odds_ratio", "p_value", "q_value")
_COUNTS = (
    *("wafers", "low_wafers", "lots", "low_lots", "other_wafers", "other_low_wafers"),
    *("affected_wafers", "affected_lots", "lots_after"),
)
_TIMES = ("since_at", "until_at")
_TEXTS = (*Place._fields, "verdict", "compared", "explained_by", "since_lot", "until_lot")
_NAMES = {"units": "wafers", "bad": "low_wafers", "other_units": "other_wafers"}
_NAMES |= {"other_bad": "other_low_wafers"}


def found_schema(keys: list[str]) -> pa.Schema:
    """Return the columns of `commonality_of_group`."""
    types: dict[str, pa.DataType] = {
        **dict.fromkeys((*keys, *_TEXTS), pa.string()),
        **dict.fromkeys(_COUNTS, pa.int64()),
        **dict.fromkeys((*_REALS, "low_yield_pct"), pa.float64()),
        **dict.fromkeys(_TIMES, pa.timestamp("us", "UTC")),
        "suspect_rank": pa.int32(),
    }
    return pa.schema(types)


def commonality_of_group(rows: pa.Table, keys: list[str], rules: SuspectRules) -> pa.Table:
    """Return the commonality and the verdict of each place that one product's wafers went through.

    `rows` have the `keys` of the group, and per wafer and place wafer_key, lot_id,
    final_yield_pct, factor_kind, process_step, level and at.
    """
    arms = Arms.of(rows, rules)
    every = np.ones(arms.lot.size, np.bool_)
    suspects = found_suspects(arms, rules)
    ranks = {one.place: rank for rank, one in enumerate(suspects, 1)}
    found = []
    for place, counted in arms.tested(every):
        row = counted | arms.figures(place, every)
        if place in ranks:
            row = suspects[ranks[place] - 1].row | {"verdict": "suspect"}
            row["suspect_rank"] = ranks[place]
            # Of all its wafers, also those that an earlier suspect explains.
            row |= {name: counted[name] for name in _NAMES}
        else:
            row |= _verdict(arms, place, row, suspects, rules)
        found.append(row | place._asdict())
    group = {name: rows[name][0].as_py() for name in keys} | {"low_yield_pct": arms.limit_pct}
    return _table([{_NAMES.get(n, n): v for n, v in row.items()} | group for row in found], keys)


def _verdict(
    arms: Arms, place: Place, row: Row, suspects: list[Suspect], rules: SuspectRules
) -> Row:
    if row["q_value"] >= rules.q_value:
        return {"verdict": "none"}
    if _costs_by_itself(arms, place, suspects, rules) or row["low_lots"] < rules.min_lots:
        return {"verdict": "inconclusive"}
    if explained := explained_by(arms, place, suspects):
        suspect, is_told_apart = explained
        verdict = "bystander" if is_told_apart else "alike"
        return {"verdict": verdict, "explained_by": " ".join(suspect.place)}
    return {"verdict": "inconclusive"}


def _costs_by_itself(
    arms: Arms, place: Place, suspects: list[Suspect], rules: SuspectRules
) -> bool:
    """Return whether a place costs yield on wafers that no suspect hit."""
    unaffected = ~np.logical_or.reduce([one.affected for one in suspects])
    effect = arms.figures(place, unaffected)["effect_points"] if suspects else None
    return effect is not None and effect <= -rules.min_points


def _table(rows: list[Row], keys: list[str]) -> pa.Table:
    schema = found_schema(keys)
    columns = {name: [row.get(name) for row in rows] for name in schema.names}
    columns["odds_ratio"] = [
        v if v is not None and np.isfinite(v) else None for v in columns["odds_ratio"]
    ]
    return pa.table(columns, schema=schema)
