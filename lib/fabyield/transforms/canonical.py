"""One spelling for a lot and a wafer, whatever the tester or the database wrote."""

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F

NOWHERE = "-"
LOT = "{lot}"
PADDING = r"[\s\p{Cntrl}\u00a0]"


def trimmed(raw: Column) -> Column:
    """`raw` without the spaces, line ends and control characters that testers pad with."""
    return F.regexp_replace(raw, rf"^{PADDING}+|{PADDING}+$", "")


def canonical_lot(raw: Column) -> Column:
    """Trimmed and in upper case; `-` where there is none."""
    spelt = F.upper(trimmed(raw))
    return F.when(F.length(spelt) > 0, spelt).otherwise(NOWHERE)


def canonical_wafer(raw: Column, lot: Column, rules: Sequence[Sequence[str]]) -> Column:
    """`raw` without its lot's prefix and its decoration, digits padded to two; `-` for none.

    `rules` are (pattern, replacement) in Java's syntax, applied in order; {lot} stands for the
    canonical `lot`, taken literally.
    """
    spelt = F.upper(trimmed(raw))
    for pattern, replacement in rules:
        spelt = F.regexp_replace(spelt, _with_lot(pattern, lot), F.lit(replacement))
    spelt = F.when(spelt.rlike("^[0-9]$"), F.lpad(spelt, 2, "0")).otherwise(spelt)
    return F.when(F.length(spelt) > 0, spelt).otherwise(NOWHERE)


def _with_lot(pattern: str, lot: Column) -> Column:
    # Quoted as java.util.regex.Pattern.quote does, so that no lot is read as a pattern.
    literal = F.replace(lot, F.lit(r"\E"), F.lit(r"\E\\E\Q"))
    quoted = F.concat(F.lit(r"\Q"), literal, F.lit(r"\E"))
    first, *rest = [F.lit(part) for part in pattern.split(LOT)]
    return F.concat(first, *(column for part in rest for column in (quoted, part)))
