"""The fields of one ATDF record: STDF's values to texts and back."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from fabyield.errors import StdfError
from fabyield.stdf.atdf.records import CHOICES, GENERIC_LETTERS, ORDERS, OURS, SETS, STATES, TOTALS
from fabyield.stdf.atdf.values import Form, plain, standard
from fabyield.stdf.spec.codes import ALL, NO_RESULT
from fabyield.stdf.spec.fields import Field
from fabyield.stdf.spec.records import RECORDS
from fabyield.stdf.spec.types import Bits, Generic

_LETTER_OF = {kind: letter for letter, kind in GENERIC_LETTERS.items()}


@cache
def _forms(name: str) -> dict[str, Form]:
    form = plain if name in OURS else standard
    return {field.name: form(field) for field in RECORDS[name].fields}


def texts_of(name: str, fields: Mapping[str, Any]) -> list[str]:
    """Return the fields of a record as texts in ATDF order, without empty ones at the end."""
    if name == "GDR":
        return [_generic_text(value) for value in fields.get("gen_data") or ()]
    texts = [_text_of(name, token, fields) for token in ORDERS[name]]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _text_of(name: str, token: str, fields: Mapping[str, Any]) -> str:
    if token in CHOICES:
        letters = (x for x in CHOICES[token] if not x.flag or (fields.get(x.flag) or 0) & x.bits)
        return next(letters).letter
    if token in SETS:
        return "".join(x.letter for x in SETS[token] if (fields.get(x.flag) or 0) & x.bits)
    if token in STATES:
        return _states_text(*(fields.get(field) or () for field in STATES[token]))
    value = fields.get(token)
    is_default = token == "head_num" and value == ALL and name in TOTALS
    is_invalid = token == "result" and fields.get("test_flg", 0) & NO_RESULT
    return "" if value is None or is_default or is_invalid else _forms(name)[token][0](value)


def _states_text(seconds: Sequence[str | None], firsts: Sequence[str | None]) -> str:
    seconds = seconds or [None] * len(firsts)
    lists = []
    for left, right in zip(seconds, firsts, strict=False):
        pairs = zip((left or "").ljust(len(right or "")), right or "", strict=False)
        lists.append(",".join(f"{a}{b}".strip() for a, b in pairs))
    return "/".join(lists) if any(lists) else ""


def _generic_text(value: Generic) -> str:
    text = "" if value.value is None else plain(Field("", value.type))[0](value.value)
    # ATDF has no number of bits here.
    return _LETTER_OF[value.type] + (text.partition(":")[2] if value.type == "Dn" else text)


def fields_of(name: str, texts: Sequence[str]) -> dict[str, Any]:
    """Return the STDF fields, flags included, that the texts of an ATDF record mean.

    Raises StdfError naming the field and its text where the text is not of the field's type.
    """
    if name == "GDR":
        return {"gen_data": [_generic(text) for text in texts if text]}
    order = ORDERS[name]
    fields: dict[str, Any] = dict.fromkeys(_letter_flags(name), 0)
    for token, text in zip(order, [*texts, *[""] * (len(order) - len(texts))], strict=False):
        if token in CHOICES or token in SETS:
            _set_flags(name, token, text, fields)
        elif token in STATES:
            fields |= _states(token, text) if text else {}
        elif text:
            fields[token] = _value(name, token, text, _forms(name)[token])
        elif name in TOTALS and token in ("head_num", "site_num"):
            fields[token] = ALL
    if name == "PTR" and "result" not in fields:
        fields["test_flg"] |= NO_RESULT
    for text in filter(None, texts[len(order) :]):
        _set_extra(name, text, fields)
    return fields if name in OURS else _with_optional(name, fields)


def _value(name: str, token: str, text: str, form: Form) -> Any:  # noqa: ANN401
    try:
        return form[1](text)
    except (ValueError, OverflowError) as error:
        kind = RECORDS[name].field(token).type
        raise StdfError(f"{name}.{token}: {text!r} is not a {kind}: {error}") from error


def _set_flags(name: str, token: str, text: str, fields: dict[str, Any]) -> None:
    letters = _letters(name, token)
    for one in [text] if token in CHOICES else text:
        if one.upper() not in letters:
            raise StdfError(f"{name}.{token}: {text!r} is not one of {', '.join(sorted(letters))}")
        flag, bits = letters[one.upper()]
        if flag:
            fields[flag] |= bits


@cache
def _letters(name: str, token: str) -> dict[str, tuple[str, int]]:
    letters = CHOICES.get(token) or SETS[token]
    known = {"", *RECORDS[name].places}
    return {letter: (flag, bits) for letter, flag, bits in letters if flag in known}


@cache
def _letter_flags(name: str) -> tuple[str, ...]:
    tokens = (token for token in ORDERS[name] if token in CHOICES or token in SETS)
    flags = (flag for token in tokens for flag, _ in _letters(name, token).values() if flag)
    return tuple(dict.fromkeys(flags))


def _states(token: str, text: str) -> dict[str, list[str | None]]:
    seconds, firsts = STATES[token]
    lists = [states.split(",") for states in text.split("/")]
    fields = {firsts: ["".join(state[-1:] for state in states) or None for states in lists]}
    left = ["".join(state[:-1] or " " for state in states).rstrip() for states in lists]
    return fields | ({seconds: [text or None for text in left]} if any(left) else {})


def _set_extra(name: str, text: str, fields: dict[str, Any]) -> None:
    """Set a field given by name after all others; an empty one is not stored."""
    key, is_named, value = text.partition("=")
    field = key.lower()
    if not is_named or field not in _forms(name):
        raise StdfError(f"{name}: {text!r} follows the last of its {len(ORDERS[name])} fields")
    fields.pop(field, None)
    if value:
        fields[field] = _value(name, field, value, plain(RECORDS[name].field(field)))


def _with_optional(name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Set OPT_FLAG for fields not given; a limit not given is the usual one of the test."""
    record = RECORDS[name]
    for flag, by_mask in _optional(name).items():
        place = record.places[flag]
        if flag not in fields and any(record.places[field] > place for field in fields):
            missing = (mask for mask, names in by_mask.items() if fields.keys().isdisjoint(names))
            fields[flag] = int(record.field(flag).fill) | sum(mask & -mask for mask in missing)
    return fields


@cache
def _optional(name: str) -> dict[str, dict[int, tuple[str, ...]]]:
    record = RECORDS[name]
    return {field.flag: record.fields_by_mask(field.flag) for field in record.fields if field.flag}


def _generic(text: str) -> Generic:
    kind = GENERIC_LETTERS.get(text[0].upper())
    if kind is None:
        raise StdfError(f"GDR: {text!r} does not begin with one of {', '.join(GENERIC_LETTERS)}")
    try:
        if kind == "Dn":
            data = bytes.fromhex(text[1:])
            return Generic(kind, Bits(8 * len(data), data))
        return Generic(kind, plain(Field("", kind))[1](text[1:]))
    except (ValueError, OverflowError) as error:
        raise StdfError(f"GDR: {text!r} is not a {kind}: {error}") from error
