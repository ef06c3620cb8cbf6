"""Worked cases of tests/data/worked."""

import json
from math import isclose
from pathlib import Path

WORKED = Path(__file__).parent.parent / "data" / "worked"


def worked_values(topic):
    """Every (case, key) of a topic with its entry: value, rtol, atol."""
    cases = json.loads((WORKED / topic / "expected.json").read_text())["cases"]
    return {(case["id"], entry["key"]): entry for case in cases for entry in case["expected"]}


def agrees(found, entry):
    value, rtol, atol = entry["value"], entry.get("rtol", 0), entry.get("atol", 0)
    # Not isclose's larger of both tolerances: theirs is the sum.
    return isclose(found, value, rel_tol=0, abs_tol=atol + rtol * abs(value))
