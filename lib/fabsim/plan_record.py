"""A fab goes on with the plan that it was begun with."""

import json
from dataclasses import asdict

from fabsim.plan.plan import Plan
from fabyield.errors import ConfigError
from fabyield.lake.storage import exists, read_text, write_text


def begin(plan: Plan, truth: str) -> None:
    """Write down the plan of a new fab beside its truth.

    Raises ConfigError, which names the first number that differs, where the fab has another plan.
    """
    path, text = _path(truth), json.dumps(asdict(plan), default=str, indent=1)
    if not is_begun(truth):
        write_text(path, text)
        return
    try:
        was = json.loads(read_text(path))
    except ValueError as error:
        raise ConfigError(f"{path}: not the plan of a fab: {error}") from error
    if found := _difference(was, json.loads(text), "plan"):
        raise ConfigError(
            f"{path}: this fab was begun with another plan: {found}; "
            "use the same plan, or another folder"
        )


def is_begun(truth: str) -> bool:
    """Whether a fab has been begun there."""
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
