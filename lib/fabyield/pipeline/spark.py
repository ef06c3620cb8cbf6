"""Start the Spark session with the options of conf, and change them for a while."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pyspark import SparkContext
from pyspark.sql import SparkSession

from fabyield.errors import ConfigError
from fabyield.pipeline.java import check_java
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
    """Start the Spark session `name`; raise ConfigError without Java, Delta's jars or zone UTC."""
    # Under spark-submit Java runs already.
    if "PYSPARK_GATEWAY_PORT" not in os.environ and SparkContext._gateway is None:
        check_java()
    builder = SparkSession.builder.appName(name)
    for key, value in settings.spark.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        builder = builder.config(key, text)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
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
    return spark


@contextmanager
def session_conf(spark: SparkSession, values: Mapping[str, str]) -> Iterator[None]:
    """Set `values` in the session, and restore the previous ones afterwards."""
    before = {name: spark.conf.get(name, None) for name in values}
    for name, value in values.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, old in before.items():
            if old is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, old)
