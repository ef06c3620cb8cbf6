"""The statistics of the pipeline as functions on arrays, for transforms and notebooks."""

from fabyield.statistics.change_point import ChangePoint, change_point
from fabyield.statistics.commonality import (
    COMMONALITY,
    commonality,
    design_effect,
    fisher_greater,
    stratified_greater,
)
from fabyield.statistics.limits import StatisticalLimits, low_yield_limit, statistical_limits
from fabyield.statistics.multiple_testing import adjusted
from fabyield.statistics.scan import Span, worst_span
from fabyield.statistics.spatial import JoinCounts, Joins, Moran, join_counts, moran, neighbours

__all__ = [
    "COMMONALITY",
    "ChangePoint",
    "JoinCounts",
    "Joins",
    "Moran",
    "Span",
    "StatisticalLimits",
    "adjusted",
    "change_point",
    "commonality",
    "design_effect",
    "fisher_greater",
    "join_counts",
    "low_yield_limit",
    "moran",
    "neighbours",
    "statistical_limits",
    "stratified_greater",
    "worst_span",
]
