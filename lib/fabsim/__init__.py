"""A simulated fab with known truth, which delivers its data night by night."""

from fabsim.fab import Destination, simulate
from fabsim.factory.write_database import redacted
from fabsim.plan.plan import Plan
from fabsim.scenarios import load_plan, scenarios
from fabsim.work import in_processes

__all__ = ["Destination", "Plan", "in_processes", "load_plan", "redacted", "scenarios", "simulate"]
