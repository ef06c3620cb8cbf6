"""YAML with unique keys: a key that is repeated in a mapping is refused."""

from collections.abc import Hashable
from typing import Any

import yaml

MERGE = "tag:yaml.org,2002:merge"


def load_yaml(text: str) -> Any:  # noqa: ANN401
    """Return the value in `text`.

    Raises yaml.YAMLError, with line and column, where it is no YAML or repeats a key. By itself
    PyYAML keeps the last of two such values and drops the first.
    """
    return load_with_nodes(text)[0]


def load_with_nodes(text: str) -> tuple[Any, Any]:
    """Return the value in `text` and the tree of its nodes, which have line numbers, or None."""
    loader = _StrictLoader(text)
    try:
        node = loader.get_single_node()
        return (None, None) if node is None else (loader.construct_document(node), node)
    finally:
        loader.dispose()


class _StrictLoader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key, _ in node.value:
            if key.tag == MERGE:
                continue
            name = self.construct_object(key, deep=True)
            if not isinstance(name, Hashable):
                continue
            if name in seen:
                # Without the line itself, which may hold a secret.
                line, column = key.start_mark.line + 1, key.start_mark.column + 1
                raise yaml.YAMLError(f"line {line}, column {column}: the key {name!r} is repeated")
            seen.add(name)
        return super().construct_mapping(node, deep)
