"""One spelling for lots, wafers and insertions, the same as in the nightly job, without Spark."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fabyield.errors import ConfigError
from fabyield.stdf.spec.codes import PADDING

NOWHERE = "-"
LOT = "{lot}"
_GROUP = re.compile(r"\\(.)|\$(\d)|\$\{(\w+)\}")


@dataclass(frozen=True)
class Naming:
    """A fab's rules for lots, wafers ([pattern, replacement]) and insertions; see conf/base.yml."""

    wafer_id_rules: Sequence[Sequence[str]] = field(default_factory=list)
    insertion_rules: Sequence[Mapping[str, str]] = field(default_factory=list)
    default_insertion: str = "CP1"
    lot_id_rules: Sequence[Sequence[str]] = field(default_factory=list)

    def lot(self, raw: str | None) -> str:
        """Return a lot trimmed, in upper case, and spelt by the fab's rules; `-` for none."""
        spelt = trimmed(raw).upper()
        for pattern, replacement in self.lot_id_rules:
            spelt = _compiled(pattern).sub(_template(replacement), spelt)
        return spelt or NOWHERE

    def wafer(self, raw: str | None, lot: str) -> str:
        """Return a wafer without its lot and decoration, one digit padded to two; `-` for none."""
        spelt = trimmed(raw).upper()
        for pattern, replacement in self.wafer_id_rules:
            found = _compiled(pattern.replace(LOT, re.escape(lot)))
            spelt = found.sub(_template(replacement), spelt)
        return (spelt.zfill(2) if re.fullmatch("[0-9]", spelt) else spelt) or NOWHERE

    def insertion(self, names: Mapping[str, str | None]) -> str:
        """Return the insertion by the first rule that matches FLOW_ID, TEST_COD or JOB_NAM."""
        for rule in self.insertion_rules:
            raw = names[rule["column"]]
            found = _compiled(rule["pattern"]).search(trimmed(raw)) if raw is not None else None
            if found:
                return found.expand(_template(rule["insertion"])).upper()
        return self.default_insertion


def trimmed(raw: str | None) -> str:
    """Return a name without the spaces, line ends and control characters that testers pad with."""
    return (raw or "").strip(PADDING)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigError(
            f"fab: pattern {pattern!r}: {error}; the stdf commands read Python's regular "
            "expressions, the nightly job Java's: use what both know"
        ) from error


def _template(java: str) -> str:
    r"""Convert Java's `$1` to Python's `\g<1>`; a character after a backslash is itself."""

    def turned(found: re.Match[str]) -> str:
        literal, number, name = found.groups()
        return f"\\g<{number or name}>" if literal is None else literal.replace("\\", r"\\")

    return _GROUP.sub(turned, java)
