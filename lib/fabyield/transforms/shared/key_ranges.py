"""Conditions by literal keys: Delta passes over files by them, but not by a join."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F


def in_keys(name: str, keys: Sequence[int]) -> str:
    """The condition that `name` is one of `keys`.

    As text, which Spark reads much faster than it takes as many literals one by one.
    """
    # int() lets nothing but a number in.
    listed = ", ".join(str(int(key)) for key in keys)
    return f"{name} in ({listed})" if listed else "false"


def in_key_range(name: str, rows: DataFrame, column: str) -> Column:
    """The condition that `name` lies between the least and the greatest `column` of `rows`."""
    return between(name, *rows.agg(F.min(column), F.max(column)).collect()[0])


def between(name: str, least: int | str | None, greatest: int | str | None) -> Column:
    """The condition that `name` lies between the two. An empty frame has no range: false."""
    return (
        F.lit(False) if least is None or greatest is None else F.col(name).between(least, greatest)
    )
