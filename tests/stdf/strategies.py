"""Records with random fields, drawn from the declarations themselves."""

from typing import Any

from hypothesis import strategies as st

from fabyield.stdf.spec.fields import Field, Record
from fabyield.stdf.spec.types import GENERIC, Bits, Generic

WORDS = st.text("abcXYZ012 .<>_-µ|,%/=\n", min_size=1, max_size=12)
LETTERS = st.sampled_from("ABPFz09µ")
RANGES = {
    **{f"U{width}": (0, 256**width - 1) for width in (1, 2, 4, 8)},
    **{f"I{width}": (-(256**width) // 2, 256**width // 2 - 1) for width in (1, 2, 4)},
    **{"B1": (0, 255), "N1": (0, 15)},
}


def bits(sizes: st.SearchStrategy[int]) -> st.SearchStrategy[Bits]:
    def of_size(size: int) -> st.SearchStrategy[Bits]:
        numbers = st.integers(0, 2**size - 1)
        return numbers.map(lambda n: Bits(size, n.to_bytes((size + 7) // 8, "little")))

    return sizes.flatmap(of_size)


def of_type(kind: str) -> st.SearchStrategy[Any]:
    if kind[0] == "R":
        return st.floats(width=8 * int(kind[1]), allow_nan=False)
    if kind in RANGES:
        return st.integers(*RANGES[kind])
    texts = {"Cn": WORDS, "Sn": WORDS, "C1": LETTERS, "Bn": st.binary(min_size=1, max_size=9)}
    return texts[kind] if kind in texts else bits(st.integers(1, 40))


GENERICS = st.sampled_from(sorted(GENERIC.values())).flatmap(
    lambda kind: of_type(kind).map(lambda value: Generic(kind, value))
)


def single(draw: st.DrawFn, field: Field, fields: dict[str, Any]) -> Any:
    if field.stored and fields[field.stored.flag] & field.stored.mask != field.stored.value:
        return None
    if field.count is not None:
        return draw(array(field, fields))
    if field.flag is not None and fields[field.flag] & field.flag_mask:
        return None
    value = draw(of_type(field.type))
    return None if field.fill_is_missing and value == field.fill else value


def array(field: Field, fields: dict[str, Any]) -> st.SearchStrategy[list[Any]]:
    width = fields.get(str(field.width), 0)
    elements = {
        "Uf": st.integers(0, 256**width - 1),
        "Cf": st.text("abc", min_size=width, max_size=width),
        "Vn": GENERICS,
    }
    many = fields[field.count]
    each = elements[field.type] if field.type in elements else of_type(field.type)
    return st.lists(each, min_size=many, max_size=many)


@st.composite
def records(draw: st.DrawFn, record: Record, least: int = 0) -> dict[str, Any]:
    """Fields of one record, `least` of them or more: a text may be missing, an array empty."""
    counts = {field.count for field in record.fields}
    widths = {field.width for field in record.fields}
    fields: dict[str, Any] = {}
    for field in record.fields:
        if field.name in counts:
            fields[field.name] = draw(st.integers(0, 3))
        elif field.name in widths:
            fields[field.name] = draw(st.sampled_from((1, 2, 4, 8)))
        elif field.type in ("C1", "Cn", "Sn") and not field.count and draw(st.booleans()):
            fields[field.name] = None
        else:
            fields[field.name] = single(draw, field, fields)
    reach = draw(st.integers(least, len(record.fields)))
    return dict(list(fields.items())[:reach])
