"""The simulated fab on a Spark cluster: submit simulate.py."""
