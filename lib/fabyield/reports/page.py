"""The night's page: one HTML file that needs nothing beside it."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from fabyield.errors import plain
from fabyield.reports.bar_charts import draw_drivers, draw_pareto
from fabyield.reports.formatting import MISSING, count, number, percent, signed
from fabyield.reports.lot_chart import draw_lots
from fabyield.reports.lot_yields import grouped, product_yields
from fabyield.reports.night_data import BinCount, Night, Prediction
from fabyield.reports.prediction_outcomes import by_urgency, outcomes
from fabyield.reports.wafer_map import bin_colours, draw_wafer, legend, orientation

__all__ = ["page"]

PARETO_BINS = 15


def page(night: Night) -> str:
    """Return the whole page as HTML; names from data are escaped and scripts are switched off."""
    return (
        _environment()
        .get_template("page.html")
        .render(
            night=night,
            products=product_yields(night.yields),
            style=Markup(_read("page.css")),
            **_pictures(night),
            **_predictions(night.predictions),
        )
    )


def _pictures(night: Night) -> dict[str, Any]:
    colours = bin_colours(night.maps)
    return {
        "legend": legend(night.maps, colours),
        "maps": [(wafer, draw_wafer(wafer, colours)) for wafer in night.maps],
        "paretos": _paretos(night.bins, colours),
        "drivers": [
            (drivers[0].product_id, draw_drivers(drivers))
            for drivers in grouped(night.top_drivers, lambda driver: driver.product_id)
        ],
    }


def _paretos(
    bins: list[BinCount], colours: dict[int, str]
) -> list[tuple[str | None, list[tuple[Markup, int]]]]:
    """Per product, the drawing of each kind of bin and how many bins it leaves out."""
    products = []
    for product in grouped(bins, lambda one: one.product_id):
        kinds = grouped(product, lambda one: one.bin_kind)
        drawn = [
            (draw_pareto(kind[:PARETO_BINS], colours), max(0, len(kind) - PARETO_BINS))
            for kind in kinds
        ]
        products.append((product[0].product_id, drawn))
    return products


def _predictions(predictions: list[Prediction]) -> dict[str, Any]:
    wafers = by_urgency(predictions)
    return {
        "unsorted": [wafer for wafer in wafers if wafer.actual_low_yield is None],
        "sorted_wafers": [wafer for wafer in wafers if wafer.actual_low_yield is not None],
        "outcomes": outcomes(predictions),
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_filters())
    return environment


def _filters() -> dict[str, Callable[..., str]]:
    return {
        "thousands": count,
        "number": number,
        "percent": percent,
        "signed": signed,
        "lot_chart": draw_lots,
        "orientation": orientation,
    }


def _shown(value: object) -> object:
    if value is None:
        return MISSING
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _read(name: str) -> str:
    return files("fabyield.reports").joinpath(name).read_text(encoding="utf-8")
