"""The plan of a fab in a folder, so that later nights use the same one."""

import json
from dataclasses import asdict

from fabsim.plan.final_test import FinalTest
from fabsim.plan.plan import Plan
from fabyield.errors import ConfigError
from fabyield.lake.storage import exists, read_text, write_text


def record_plan(plan: Plan, truth: str) -> None:
    """Write the plan of a new fab beside its truth, or compare it with the plan there.

    Raises ConfigError with the first number that differs.
    """
    values = asdict(plan)
    # Fabs without these habits have had plans without them.
    if plan.final_test == FinalTest():
        del values["final_test"]
    path, text = _path(truth), json.dumps(values, default=str, indent=1)
    if not has_plan(truth):
        write_text(path, text)
        return
    try:
        was = json.loads(read_text(path))
    except ValueError as error:
        raise ConfigError(f"{path}: not the plan of a fab: {error}") from error
    if found := _difference(was, json.loads(text), "plan"):
        raise ConfigError(
            f"{path}: this fab has another plan: {found}; use the same plan, or another folder"
        )


def has_plan(truth: str) -> bool:
    """Return whether a fab has recorded its plan there."""
    return exists(_path(truth))


def _path(truth: str) -> str:
    return f"{truth}/plan.json"


def _difference(was: object, now: object, where: str) -> str | None:
    if isinstance(was, dict) and isinstance(now, dict) and was.keys() == now.keys():
        inner = (_difference(was[name], now[name], f"{where}.{name}") for name in was)
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        pairs = enumerate(zip(was, now, strict=True))
        inner = (_difference(*pair, f"{where}[{place}]") for place, pair in pairs)
    else:
        return None if was == now else f"{where} was {was}, and is {now}"
    return next((found for found in inner if found), None)
