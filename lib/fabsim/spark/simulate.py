r"""A simulated fab's nights, made by as many cores as Spark has.

spark-submit --py-files dist/fabyield.zip lib/fabsim/spark/simulate.py --out s3a://fab/sim \
  --scenario big --nights 2 --lots-per-night 60 --database postgresql://fab@db/fab
"""

from collections.abc import Iterator, Sequence

from pyspark.sql import SparkSession

from fabsim.cli import main
from fabsim.work import Runner, UnitResult, Work, WorkUnit

# Tasks per core of one Spark job: the progress bar moves after each job.
TASKS = 8


def on_spark(spark: SparkSession) -> Runner:
    """Return a runner on the executors; only the truth comes back to the driver."""

    def run_units(work: Work, units: Sequence[WorkUnit]) -> Iterator[UnitResult]:
        context = spark.sparkContext
        shared = context.broadcast(work)

        def run(unit: WorkUnit) -> UnitResult:
            return shared.value.run(unit)

        size = TASKS * context.defaultParallelism
        for begin in range(0, len(units), size):
            some = units[begin : begin + size]
            yield from context.parallelize(some, len(some)).map(run).collect()

    return run_units


if __name__ == "__main__":
    main(on_spark(SparkSession.builder.appName("fabsim").getOrCreate()))
