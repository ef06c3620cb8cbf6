"""The factory database of the simulated fab."""
