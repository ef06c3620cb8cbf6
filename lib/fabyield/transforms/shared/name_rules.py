"""One spelling for a lot and a wafer, whatever the tester or the database wrote."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

NOWHERE = "-"
LOT = "{lot}"
PADDING = r"[\s\p{Cntrl}\u00a0]"


@dataclass(frozen=True)
class NameRules:
    """How a fab spells lots and wafers: rules of (pattern, replacement), applied in order.

    Patterns are in Java's syntax; {lot} in a pattern for wafers stands for the canonical lot.
    """

    lot_id: Sequence[Sequence[str]] = field(default_factory=list)
    wafer_id: Sequence[Sequence[str]] = field(default_factory=list)


def trimmed(raw: Column) -> Column:
    """`raw` without the spaces, line ends and control characters that testers pad with."""
    return F.regexp_replace(raw, rf"^{PADDING}+|{PADDING}+$", "")


def canonical_names(df: DataFrame, rules: NameRules) -> DataFrame:
    """`df` with its lot_id and wafer_id in canonical spelling."""
    lot = canonical_lot(F.col("lot_id"), rules)
    return df.withColumns(
        {"wafer_id": canonical_wafer(F.col("wafer_id"), lot, rules), "lot_id": lot}
    )


def canonical_lot(raw: Column, rules: NameRules) -> Column:
    """Trimmed, in upper case, and by the rules for lots; `-` where there is none."""
    spelt = F.upper(trimmed(raw))
    for pattern, replacement in rules.lot_id:
        spelt = F.regexp_replace(spelt, F.lit(pattern), F.lit(replacement))
    return F.when(F.length(spelt) > 0, spelt).otherwise(NOWHERE)


def canonical_wafer(raw: Column, lot: Column, rules: NameRules) -> Column:
    """`raw` without its lot's prefix and its decoration, digits padded to two; `-` for none.

    `lot` is canonical, and taken literally.
    """
    spelt = F.upper(trimmed(raw))
    for pattern, replacement in rules.wafer_id:
        spelt = F.regexp_replace(spelt, _with_lot(pattern, lot), F.lit(replacement))
    spelt = F.when(spelt.rlike("^[0-9]$"), F.lpad(spelt, 2, "0")).otherwise(spelt)
    return F.when(F.length(spelt) > 0, spelt).otherwise(NOWHERE)


def _with_lot(pattern: str, lot: Column) -> Column:
    # Quoted as java.util.regex.Pattern.quote does, so that no lot is read as a pattern.
    literal = F.replace(lot, F.lit(r"\E"), F.lit(r"\E\\E\Q"))
    quoted = F.concat(F.lit(r"\Q"), literal, F.lit(r"\E"))
    first, *rest = [F.lit(part) for part in pattern.split(LOT)]
    return F.concat(first, *(column for part in rest for column in (quoted, part)))
