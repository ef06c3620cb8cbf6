"""One way to judge a table, in the process that it has to itself."""

from typing import Any

from benchmarks.harness.clock import timed
from benchmarks.harness.sparks import started
from benchmarks.validate.contenders import CONTENDERS


def run(given: dict[str, Any]) -> dict[str, Any]:
    """Start a session, judge a small table so that code is loaded, then the one that is timed."""
    judge = CONTENDERS[given["name"]]
    spark, start = timed(started)
    judge(spark.read.parquet(given["warm"]))
    found, taken = timed(lambda: judge(spark.read.parquet(given["path"])))
    told = {name: list(verdict) for name, verdict in found.items()}
    return {**taken, "session_seconds": start["seconds"], "told": told}
