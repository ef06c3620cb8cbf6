"""Start the Spark session with the options of conf."""

from pyspark.sql import SparkSession

from fabyield.errors import ConfigError
from fabyield.settings.settings import Settings

# For little work: Spark interprets its plans, as compiling them would take longer, and does not
# split what one task does quickly.
SMALL_NIGHT = {
    "spark.sql.shuffle.partitions": "1",
    "spark.sql.files.minPartitionNum": "1",
    "spark.sql.leafNodeDefaultParallelism": "1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
DELTA = "io.delta:delta-spark_4.1_2.13:4.4.0"


def session(settings: Settings, name: str) -> SparkSession:
    """Start, or join, the session `name` with the settings' Spark options.

    Raises ConfigError if Delta Lake's jars are missing or the JVM's time zone is not UTC.
    """
    builder = SparkSession.builder.appName(name)
    for key, value in settings.spark.items():
        builder = builder.config(key, str(value))
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    _check(spark)
    return spark


def _check(spark: SparkSession) -> None:
    jvm = spark.sparkContext._jvm
    assert jvm is not None, "a session without a JVM"
    try:
        jvm.java.lang.Class.forName(
            "io.delta.sql.DeltaSparkSessionExtension",
            False,
            jvm.java.lang.Thread.currentThread().getContextClassLoader(),
        )
    except Exception as error:
        raise ConfigError(
            f"Delta Lake is not on Spark's class path: run `make setup`, or add --packages {DELTA}"
        ) from error
    zone = jvm.java.util.TimeZone.getDefault().getID()
    if zone not in ("UTC", "GMT", "Etc/UTC"):
        # Times read over JDBC follow the JVM's zone, and would be shifted silently.
        raise ConfigError(
            f"the JVM's time zone is {zone}, it must be UTC: add -Duser.timezone=UTC to "
            "spark.driver.extraJavaOptions and spark.executor.extraJavaOptions"
        )
