"""A picture of the night: its steps, the tables that each writes, and their order."""

from collections.abc import Mapping

from markupsafe import Markup

from fabyield.pipeline.steps import Step, in_order, waits_for
from fabyield.reports.svg import drawing, rect, tag, text

STYLE = """
svg { font: 12px system-ui, "Segoe UI", Arial, sans-serif; }
text { fill: #1c2126; } .table { fill: #5d6770; } .step { font-weight: 600; }
.box { fill: #eef1f4; stroke: #9aa4ad; } .nightly { fill: #dcebf7; stroke: #0063a0; }
path { fill: none; stroke: #9aa4ad; }
@media (prefers-color-scheme: dark) {
  text { fill: #e3e7ea; } .table { fill: #9aa5ae; }
  .box { fill: #2a3138; stroke: #67737d; } .nightly { fill: #17364f; stroke: #6cb9ee; }
  path { stroke: #67737d; }
}
"""
WIDTH, HEAD, LINE, GAP, LAYER_GAP = 190.0, 20.0, 15.0, 14.0, 44.0


def draw_lineage(steps: Mapping[str, Step]) -> str:
    """Draw `steps` as an SVG, from the sources at the top to maintenance at the bottom.

    An arrow leads from a step to the steps that wait directly for it; blue steps run every night,
    even if nothing has changed.
    """
    above = direct_only(waits_for(steps))
    layers = _layers(steps, above)
    width = max(len(layer) for layer in layers) * (WIDTH + GAP) + GAP
    at: dict[str, tuple[float, float]] = {}
    top = GAP
    for layer in layers:
        left = (width - len(layer) * (WIDTH + GAP) + GAP) / 2
        at |= {name: (left + n * (WIDTH + GAP), top) for n, name in enumerate(layer)}
        top += max(_height(steps[name]) for name in layer) + LAYER_GAP
    parts = [tag("style", Markup(STYLE))]
    for name, (x, y) in at.items():
        parts += [_arrow(at[other], _height(steps[other]), (x, y)) for other in sorted(above[name])]
    for name, place in at.items():
        parts += _box(name, steps[name], place)
    return str(drawing(parts, (0, 0, width, top - LAYER_GAP + GAP), "Steps of the night"))


def direct_only(before: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return `before` without the steps that another step there already waits for."""
    far = {name: _all_before(name, before) for name in before}
    return {
        name: {one for one in waits if not any(one in far[other] for other in waits)}
        for name, waits in before.items()
    }


def _all_before(name: str, before: Mapping[str, set[str]]) -> set[str]:
    found, left = set[str](), [name]
    while left:
        new = before[left.pop()] - found
        found |= new
        left += new
    return found


def _layers(steps: Mapping[str, Step], above: Mapping[str, set[str]]) -> list[list[str]]:
    depth: dict[str, int] = {}
    for name in in_order(steps):
        depth[name] = 1 + max((depth[other] for other in above[name]), default=-1)
    return [[n for n in depth if depth[n] == layer] for layer in range(max(depth.values()) + 1)]


def _height(step: Step) -> float:
    return HEAD + LINE * len(step.writes) + 6


def _box(name: str, step: Step, at: tuple[float, float]) -> list[Markup]:
    x, y = at
    reads = ", ".join(table.table for table in step.reads) or "no table"
    css = "box nightly" if step.every_night else "box"
    parts = [rect(at, (WIDTH, _height(step)), css, f"{name} reads {reads}")]
    parts.append(text((x + 8, y + 15), name, css="step"))
    for turn, table in enumerate(step.writes, 1):
        parts.append(text((x + 8, y + 15 + LINE * turn), table.table, css="table"))
    return parts


def _arrow(start: tuple[float, float], height: float, end: tuple[float, float]) -> Markup:
    x1, y1, x2, y2 = start[0] + WIDTH / 2, start[1] + height, end[0] + WIDTH / 2, end[1]
    bend = (y2 - y1) / 2
    places = (x1, y1, x1, y1 + bend, x2, y2 - bend, x2, y2)
    return tag("path", d="M{} {} C{} {} {} {} {} {}".format(*(f"{p:.1f}" for p in places)))
