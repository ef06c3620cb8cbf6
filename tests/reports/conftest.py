"""Nights and wafers with defaults."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from fabyield.reports.night_data import Night, WaferYield

SORTED: dict[str, Any] = {
    "lot_id": "L1",
    "wafer_id": "W01",
    "product_id": "P1",
    "insertion": "CP1",
    "tested_die": 100,
    "first_pass_die": 90,
    "good_die": 95,
    "recovered_die": 5,
    "gross_die": 120,
    "first_pass_yield_pct": 90.0,
    "final_yield_pct": 95.0,
    "gross_die_yield_pct": 79.17,
}


@pytest.fixture
def wafer() -> Callable[..., WaferYield]:
    return lambda **given: WaferYield(**(SORTED | given))


@pytest.fixture
def night() -> Callable[..., Night]:
    where = {"lake": "/data/lake", "page": "/data/report.html"}
    return lambda **given: Night(date(2025, 11, 21), **(where | given))
