"""A picture of results: bars of seconds, one group beneath the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from benchmarks.harness.process import Row
from benchmarks.harness.tables import figure
from fabyield.reports.bar_charts import FIGURE, LABEL, PLOT, ROW, TOP, Bar, draw_bars
from fabyield.reports.svg import tag

STYLE = """
svg { font: 12px system-ui, "Segoe UI", Arial, sans-serif; font-variant-numeric: tabular-nums; }
text { fill: #1c2126; } .head { fill: #5d6770; } .axis { stroke: #9aa4ad; }
.bar { fill: #8c9aa8; } .ours { fill: #0063a0; } .floor { fill: #cfd6dc; }
@media (prefers-color-scheme: dark) {
  text { fill: #e3e7ea; } .head { fill: #9aa5ae; } .axis { stroke: #67737d; }
  .bar { fill: #7c8b99; } .ours { fill: #6cb9ee; } .floor { fill: #3c464f; }
}
"""
GAP = 14.0
HEADS = ("s", "x ours", "MiB")
WIDTH = LABEL + PLOT + len(HEADS) * FIGURE + 2


@dataclass(frozen=True)
class Group:
    """Bars on one scale."""

    title: str
    rows: Sequence[Row]
    ours: str


def picture(groups: Sequence[Group], label: str) -> str:
    """Draw groups as an SVG that is read by itself, in light and dark."""
    parts, top = [tag("style", Markup(STYLE))], 0.0
    for group in groups:
        bars = [_bar(row, group.ours) for row in group.rows if "seconds" in row]
        full = max((bar.value for bar in bars), default=1.0)
        drawn = draw_bars(bars, full, (group.title, *HEADS))
        parts.append(tag("g", *drawn, transform=f"translate(0 {top:g})"))
        top += TOP + ROW * len(bars) + GAP
    box: dict[str, str | float] = {
        "viewBox": f"0 0 {WIDTH:g} {top:g}",
        "width": WIDTH,
        "height": top,
    }
    about = {"role": "img", "aria_label": label, "xmlns": "http://www.w3.org/2000/svg"}
    return f"{tag('svg', *parts, **about, **box)}\n"


def _bar(row: Row, ours: str) -> Bar:
    css = "ours" if row["name"] == ours else "floor" if row.get("is_floor") else "bar"
    seconds, ratio = row["seconds"], row.get("times_ours")
    figures = figure(seconds, 3 if seconds < 10 else 1), figure(ratio), figure(row["peak_mib"], 0)
    return Bar(row["name"], seconds, figures, css)
