"""Types of a plan's fields, with their bounds."""

import re
from collections.abc import Sequence
from typing import Annotated

from fabyield.settings.typed import Rule, between, matching, sized

MOST_NIGHTS = 100_000
PRINTABLE = r"[!-.0-\[\]-~][ -.0-\[\]-~]{0,39}"


def unique(records: Sequence[object]) -> str:
    """Say so if two records have the same name, which is their first field."""
    names = [next(iter(vars(record).values())) for record in records]
    twice = [name for name in names if names.count(name) > 1]
    return f"two of them are called {twice[0]!r}" if twice else ""


def ordered(pair: Sequence[float]) -> str:
    """Say so if a pair is not the least and the most."""
    return "" if pair[0] <= pair[1] else f"{list(pair)}, it must be the least and the most"


def formatted(*words: str) -> Rule:
    """Return the rule of a format of these {words} and no others, without slashes."""

    def wrong(text: str) -> str:
        try:
            name = text.format(**dict.fromkeys(words, 1))
        except (LookupError, ValueError, AttributeError, TypeError):
            name = ""
        known = ", ".join(f"{{{word}}}" for word in words)
        is_right = re.fullmatch(PRINTABLE, name)
        return "" if is_right else f"{text!r}, it must be a format of {known} without / and \\"

    return wrong


# Names become parts of files and of their paths.
Name = Annotated[
    str,
    matching(PRINTABLE, "1 to 40 printable ASCII characters without / and \\"),
]
Numbered = Annotated[str, formatted("number")]
Names = Annotated[tuple[Name, ...], sized(1)]
Share = Annotated[float, between(0, 1)]
Percent = Annotated[float, between(0, 100)]
Night = Annotated[int, between(1, MOST_NIGHTS)]
Count = Annotated[int, between(1, 1_000_000)]
Slot = Annotated[int, between(1, 99)]
# A number in the unit of whatever is measured.
Level = Annotated[float, between(-1e15, 1e15)]
Positive = Annotated[float, between(1e-30, 1e15)]
# Multiples of a test's sigma: a shift, and a spread.
Sigmas = Annotated[float, between(-20, 20)]
Spreads = Annotated[float, between(0, 20)]
Hours = Annotated[float, between(0, 10_000)]
Milliseconds = Annotated[float, between(0, 1e7)]
# The least and the most of a random share.
ShareRange = Annotated[tuple[Share, ...], sized(2, 2), ordered]
