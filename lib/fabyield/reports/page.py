"""The night's page: one HTML file that needs no other file."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from fabyield.errors import plain
from fabyield.reports.bar_charts import draw_drivers, draw_pareto
from fabyield.reports.formatting import MISSING, count, figures, number, percent, signed
from fabyield.reports.lot_chart import draw_lots
from fabyield.reports.lot_yields import grouped, insertion_counts, product_yields
from fabyield.reports.night_data import BinCount, Night, Prediction
from fabyield.reports.wafer_map import bin_colours, draw_wafer, legend, orientation

PARETO_BINS = 15


def page(night: Night) -> str:
    """Return the page as HTML; it escapes names from data and forbids scripts."""
    colours = bin_colours(night.maps)
    return (
        _environment()
        .get_template("page.html")
        .render(
            night=night,
            products=product_yields(night.yields),
            tested=insertion_counts(night.yields),
            style=Markup(_read("page.css")),
            legend=legend(night.maps, colours),
            maps=[(wafer, draw_wafer(wafer, colours)) for wafer in night.maps],
            paretos=_paretos(night.bins, colours),
            drivers=[
                (drivers[0].product_id, draw_drivers(drivers))
                for drivers in grouped(night.top_drivers, lambda driver: driver.product_id)
            ],
            unsorted=[wafer for wafer in night.predictions if wafer.actual_low_yield is None],
            sorted_wafers=[w for w in night.predictions if w.actual_low_yield is not None],
            outcomes=outcomes(night.predictions),
        )
    )


def outcomes(predictions: Iterable[Prediction]) -> dict[str, int]:
    """Count the test wafers by prediction and actual yield; training wafers do not count."""
    pairs = Counter(
        (one.predicted_low_yield, one.actual_low_yield)
        for one in predictions
        if one.split == "test"
    )
    return {
        "caught": pairs[True, True],
        "missed": pairs[False, True],
        "false_alarms": pairs[True, False],
        "rightly_passed": pairs[False, False],
    }


def _paretos(
    bins: list[BinCount], colours: dict[int, str]
) -> list[tuple[BinCount, list[tuple[Markup, int]]]]:
    """Return per product and insertion a bin of it, and for hard and soft bins their drawing.

    Each drawing comes with how many bins it leaves out.
    """
    return [
        (
            some[0],
            [
                (draw_pareto(kind[:PARETO_BINS], colours), max(0, len(kind) - PARETO_BINS))
                for kind in grouped(some, lambda one: one.bin_kind)
            ],
        )
        for some in grouped(bins, lambda one: one.tested_in)
    ]


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
    environment.filters |= {
        "thousands": count,
        "number": number,
        "percent": percent,
        "signed": signed,
        "figures": figures,
        "lot_chart": draw_lots,
        "orientation": orientation,
    }
    return environment


def _shown(value: object) -> object:
    if value is None:
        return MISSING
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _read(name: str) -> str:
    return files("fabyield.reports").joinpath(name).read_text(encoding="utf-8")
