"""What is wrong with one file of a table."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """What is wrong with `file` of `table`, and how it is put right.

    `mend` does that where it can lose nothing; None where a person must. What `is_harmless` is
    told, but no damage.
    """

    table: str
    what: str
    file: str
    repair: str
    mend: Callable[[], None] | None = None
    is_harmless: bool = False
