"""YAML with unique keys: a key that is repeated in a mapping is refused."""

from collections.abc import Hashable
from typing import Any

import yaml

MERGE = "tag:yaml.org,2002:merge"


def load_yaml(text: str) -> Any:  # noqa: ANN401
    """Return the value in `text`.

    Raises yaml.YAMLError, one line with line and column, if it is no YAML or repeats a key: PyYAML
    itself keeps the last of two such values. The error never shows the text, which may be a secret.
    """
    return load_with_nodes(text)[0]


def load_with_nodes(text: str) -> tuple[Any, Any]:
    """Return the value in `text` and the tree of its nodes, which have line numbers, or None."""
    try:
        loader = _StrictLoader(text)
        node = loader.get_single_node()
        return (None, None) if node is None else (loader.construct_document(node), node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise yaml.YAMLError(f"{where}{error.problem or 'not YAML'}") from None
    except yaml.reader.ReaderError as error:
        raise yaml.YAMLError(f"character {error.position}: {error.reason}") from None
    except (ValueError, RecursionError) as error:
        # Python quotes the value in some of its messages.
        why = type(error).__name__ if "'" in str(error) else str(error)
        raise yaml.YAMLError(f"a value cannot be read: {why}") from None


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
