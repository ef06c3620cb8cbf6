r"""A simulated fab's nights, made by as many cores as Spark has.

spark-submit --py-files dist/fabyield.zip lib/fabsim/spark/simulate.py --out s3a://fab/sim \
  --scenario big --nights 2 --lots-per-night 60 --database postgresql://fab@db/fab
"""

from pyspark.sql import SparkSession

from fabsim.cli import main
from fabsim.spark.tasks import on_spark

if __name__ == "__main__":
    main(on_spark(SparkSession.builder.appName("fabsim").getOrCreate()))
