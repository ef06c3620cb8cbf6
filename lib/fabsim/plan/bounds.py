"""Types of a plan's fields, with their bounds."""

from typing import Annotated

from fabyield.settings.typed import between, matching, sized

MOST_NIGHTS = 100_000

# Names become parts of files and of their paths.
Name = Annotated[
    str,
    matching(
        r"[!-.0-\[\]-~][ -.0-\[\]-~]{0,39}", "1 to 40 printable ASCII characters without / and \\"
    ),
]
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
ShareRange = Annotated[tuple[Share, ...], sized(2, 2)]
