"""A simulated fab with known truth, which delivers its data night by night."""

from fabsim.fab import Destination, Summary, simulate
from fabsim.factory.write_database import without_password
from fabsim.plan.plan import Plan
from fabsim.scenarios import load_plan, scenarios
from fabsim.work import in_processes

__all__ = [
    "Destination",
    "Plan",
    "Summary",
    "in_processes",
    "load_plan",
    "scenarios",
    "simulate",
    "without_password",
]
