"""One mapping laid over another."""

from collections.abc import Mapping
from typing import Any


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over`; mappings inside are merged, all else is replaced."""
    result = dict(base)
    for key, value in over.items():
        inner: Any = result.get(key)
        are_both = isinstance(value, Mapping) and isinstance(inner, Mapping)
        result[key] = merged(inner, value) if are_both else value
    return result
