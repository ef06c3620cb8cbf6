"""A simulated fab made by the cores of a cluster; simulate.py is submitted."""
