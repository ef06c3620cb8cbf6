"""Scripts for spark-submit, one per table, model or report; nightly.py runs them in order.

spark-submit --py-files dist/fabyield.zip jobs/wafer_yield.py --lake s3a://fab/lake
"""
