"""What fsck finds wrong with a file of a table."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What is wrong with `file` of `table`, and how to repair it.

    `fix` repairs it where no row can be lost; it is None where a person must decide. A finding
    that `is_harmless` is reported, but is no damage.
    """

    table: str
    what: str
    file: str
    repair: str
    fix: Callable[[], None] | None = None
    is_harmless: bool = False
