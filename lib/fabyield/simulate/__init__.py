"""A simulated fab with known truth: what it delivers night by night, and what is behind it."""

from fabyield.simulate.database import shown
from fabyield.simulate.fab import Out, Summary, simulate
from fabyield.simulate.plan import Plan
from fabyield.simulate.scenarios import load_plan, scenarios
from fabyield.simulate.work import in_processes

__all__ = ["Out", "Plan", "Summary", "in_processes", "load_plan", "scenarios", "shown", "simulate"]
