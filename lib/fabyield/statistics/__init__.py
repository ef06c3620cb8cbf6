"""The statistics of the pipeline as functions on arrays, for transforms and notebooks."""

from fabyield.statistics.commonality import (
    COMMONALITY,
    commonality,
    design_effect,
    fisher_greater,
)
from fabyield.statistics.limits import low_yield_limit
from fabyield.statistics.multiple_testing import adjusted
from fabyield.statistics.scan import Span, worst_span

__all__ = [
    "COMMONALITY",
    "Span",
    "adjusted",
    "commonality",
    "design_effect",
    "fisher_greater",
    "low_yield_limit",
    "worst_span",
]
