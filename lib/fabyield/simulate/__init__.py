"""A simulated fab with known truth: STDF files, a factory database, and what is behind them."""

from fabyield.simulate.fab import simulate
from fabyield.simulate.plan import Plan

__all__ = ["Plan", "simulate"]
