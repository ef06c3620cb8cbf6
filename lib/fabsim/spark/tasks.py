"""The work of a simulated fab as tasks of a Spark cluster."""

from collections.abc import Iterator, Sequence

from pyspark.sql import SparkSession

from fabsim.work import Each, Made, Work, WorkUnit

# Tasks per core that are asked for together: progress is told after each lot of them.
TASKS = 8


def on_spark(spark: SparkSession) -> Each:
    """Do units on the executors; the driver gets what is true of them, not what they deliver."""

    def each(work: Work, units: Sequence[WorkUnit]) -> Iterator[Made]:
        context = spark.sparkContext
        shared = context.broadcast(work)

        def make(unit: WorkUnit) -> Made:
            return shared.value.make(unit)

        size = TASKS * context.defaultParallelism
        for begin in range(0, len(units), size):
            some = units[begin : begin + size]
            tasks = context.parallelize(some, len(some))
            yield from tasks.map(make).collect()

    return each
