"""pystdf: parsing without output is its Parser without a sink, which still decodes each field."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from pystdf.IO import Parser

from benchmarks.stdf.contenders import Told
from benchmarks.stdf.readers.telling import TESTED, of_records


class RecordType(Protocol):
    """What a sink learns of a record's type."""

    fieldNames: list[str]


class Sink(list[tuple[str, Mapping[str, Any]]]):
    """The test and part records, fields by name."""

    def after_send(self, _source: object, sent: tuple[RecordType, list[Any]]) -> None:
        """Take a record."""
        kind, values = sent
        name = type(kind).__name__.upper()
        if name in TESTED:
            self.append((name, dict(zip(kind.fieldNames, values, strict=True))))


def records(path: str) -> None:
    """Read each record by itself."""
    with Path(path).open("rb") as source:
        Parser(inp=source).parse()


def told_by_records(path: str) -> Told:
    """Tell what a sink is sent."""
    sink = Sink()
    with Path(path).open("rb") as source:
        parser = Parser(inp=source)
        parser.addSink(sink)
        parser.parse()
    return of_records(sink)
