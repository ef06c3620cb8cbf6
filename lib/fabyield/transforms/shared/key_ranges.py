"""Conditions on literal keys: Delta skips files by them, but not by a join."""

from collections.abc import Sequence

from pyspark.sql import Column
from pyspark.sql import functions as F


def in_keys(name: str, keys: Sequence[int]) -> str:
    """Return the SQL condition that `name` is one of `keys`."""
    # As text, which Spark reads faster than many literals; int() lets no SQL in.
    listed = ", ".join(str(int(key)) for key in keys)
    return f"{name} in ({listed})" if listed else "false"


def between(name: str, least: int | str | None, greatest: int | str | None) -> Column:
    """Return the condition that `name` is in the range; false for None, the range of no rows."""
    if least is None or greatest is None:
        return F.lit(False)
    return F.col(name).between(least, greatest)
