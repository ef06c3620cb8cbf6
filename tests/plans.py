"""Simulated fabs small enough for tests."""

from dataclasses import replace

from fabsim import Plan, load_plan

STEPS = (
    "oxide_gate",
    "litho_gate",
    "etch_gate",
    "implant_sd",
    "anneal",
    "cvd_ild",
    "cmp_ild",
    "passivation",
)


def small_plan(scenario="quiet", lots_per_night=5, wafers_per_lot=2) -> Plan:
    """Eight steps in four days, wafers of 61 die, eight tests at each insertion."""
    plan = load_plan(scenario=scenario).changed(None, lots_per_night, wafers_per_lot)
    return replace(
        plan,
        line=replace(plan.line, cycle_days=4),
        route=tuple(step for step in plan.route if step.process_step in STEPS),
        products=tuple(replace(p, die_width_mm=29.0, die_height_mm=30.0) for p in plan.products),
        insertions=tuple(replace(insertion, tests=8) for insertion in plan.insertions),
    )
