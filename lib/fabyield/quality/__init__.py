"""Expectations, the batches of rows that they judge, row counts, and alerts."""
