r"""A simulated fab's nights, made by as many cores as Spark has.

spark-submit --py-files dist/fabyield.zip jobs/simulate.py --out s3a://fab/sim --scenario big \
  --nights 2 --lots-per-night 60 --database postgresql://fab@db/fab
"""

import typer
from pyspark.sql import SparkSession

from fabyield.cli import run
from fabyield.cli_simulate import simulate
from fabyield.simulate.on_spark import on_spark

if __name__ == "__main__":
    commands = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    commands.command()(simulate)
    run(commands, on_spark(SparkSession.builder.appName("fabyield simulate").getOrCreate()))
