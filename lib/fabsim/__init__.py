"""A simulated fab with known truth: what it delivers night by night, and what is behind it."""

from fabsim.fab import Out, Summary, simulate
from fabsim.factory.database import shown
from fabsim.plan.plan import Plan
from fabsim.scenarios import load_plan, scenarios
from fabsim.work import in_processes

__all__ = ["Out", "Plan", "Summary", "in_processes", "load_plan", "scenarios", "shown", "simulate"]
