"""The canonical spelling of lots and wafers."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# Stands for a missing lot or wafer name.
NO_NAME = "-"
LOT = "{lot}"
PADDING = r"[\s\p{Cntrl}\u00a0]"


@dataclass(frozen=True)
class NameRules:
    """A fab's rules for lot and wafer names: (pattern, replacement), applied in order.

    Patterns are in Java's syntax; {lot} in a wafer pattern is the canonical lot.
    """

    lot_id: Sequence[Sequence[str]] = field(default_factory=list)
    wafer_id: Sequence[Sequence[str]] = field(default_factory=list)


def trimmed(raw: Column) -> Column:
    """Remove the spaces, line ends and control characters that testers pad names with."""
    return F.regexp_replace(raw, rf"^{PADDING}+|{PADDING}+$", "")


def canonical_names(df: DataFrame, rules: NameRules) -> DataFrame:
    """Replace lot_id and wafer_id by their canonical spelling."""
    lot = canonical_lot(F.col("lot_id"), rules)
    return df.withColumns(
        {"wafer_id": canonical_wafer(F.col("wafer_id"), lot, rules), "lot_id": lot}
    )


def canonical_lot(raw: Column, rules: NameRules) -> Column:
    """Trim, convert to upper case and apply the lot rules; `-` if there is no lot."""
    spelt = F.upper(trimmed(raw))
    for pattern, replacement in rules.lot_id:
        spelt = F.regexp_replace(spelt, F.lit(pattern), F.lit(replacement))
    return F.when(F.length(spelt) > 0, spelt).otherwise(NO_NAME)


def canonical_wafer(raw: Column, lot: Column, rules: NameRules) -> Column:
    """Apply the wafer rules and pad digits to two; `-` if there is no wafer.

    `lot` is canonical; its characters have no meaning in a pattern.
    """
    spelt = F.upper(trimmed(raw))
    for pattern, replacement in rules.wafer_id:
        spelt = F.regexp_replace(spelt, _with_lot(pattern, lot), F.lit(replacement))
    spelt = F.when(spelt.rlike("^[0-9]$"), F.lpad(spelt, 2, "0")).otherwise(spelt)
    return F.when(F.length(spelt) > 0, spelt).otherwise(NO_NAME)


def _with_lot(pattern: str, lot: Column) -> Column:
    # As java.util.regex.Pattern.quote does.
    literal = F.replace(lot, F.lit(r"\E"), F.lit(r"\E\\E\Q"))
    quoted = F.concat(F.lit(r"\Q"), literal, F.lit(r"\E"))
    first, *rest = [F.lit(part) for part in pattern.split(LOT)]
    return F.concat(first, *(column for part in rest for column in (quoted, part)))
