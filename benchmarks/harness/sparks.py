"""Spark sessions of contenders, set up as those of the jobs are."""

from pyspark.sql import SparkSession

from fabyield.pipeline import spark
from fabyield.settings.settings import Settings


def started() -> SparkSession:
    """Start a session with the settings of conf/dev.yml."""
    return spark.session(Settings.load("dev"), "benchmark")
