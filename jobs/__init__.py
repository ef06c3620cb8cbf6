"""Spark-submit scripts, one per table, model or report; nightly.py runs them in order."""
