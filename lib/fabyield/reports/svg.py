"""The SVG elements of all drawings."""

from markupsafe import Markup, escape

from fabyield.errors import plain


def tag(name: str, *content: str, **attributes: str | float) -> Markup:
    """Return one SVG element; `class_` and `text_anchor` become `class` and `text-anchor`."""
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
    )
    inner = "".join(escape(_safe(part)) for part in content)
    return Markup(f"<{name}{pairs}>{inner}</{name}>" if content else f"<{name}{pairs}/>")


def drawing(parts: list[Markup], box: tuple[float, float, float, float], label: str) -> Markup:
    """Return a picture of the view box (x, y, width, height); screen readers read `label`."""
    view = " ".join(_value(edge) for edge in box)
    attributes = {"viewBox": view, "role": "img", "aria_label": label}
    return tag("svg", *parts, **attributes, width=box[2], height=box[3])


def rect(corner: tuple[float, float], size: tuple[float, float], css: str, title: str) -> Markup:
    """Return a rectangle that shows `title` under the pointer."""
    (x, y), (width, height) = corner, size
    return tag("rect", tag("title", title), class_=css, x=x, y=y, width=width, height=height)


def line(start: tuple[float, float], end: tuple[float, float], css: str) -> Markup:
    """Return a straight line."""
    return tag("line", class_=css, x1=start[0], y1=start[1], x2=end[0], y2=end[1])


def text(at: tuple[float, float], content: str, anchor: str = "start", css: str = "") -> Markup:
    """Return text with its base line at a point; `anchor` is start, middle or end."""
    return tag("text", content, x=at[0], y=at[1], text_anchor=anchor, class_=css)


def _value(value: str | float) -> str:
    return str(escape(_safe(value))) if isinstance(value, str) else f"{round(value, 2):.10g}"


def _safe(part: str) -> str:
    return part if isinstance(part, Markup) else plain(part)
