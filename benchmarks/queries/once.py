"""One question, answered by one engine in the process that it has to itself."""

from typing import Any

from benchmarks.harness.clock import timed
from benchmarks.queries.engines import path, started
from benchmarks.queries.opened import opened
from benchmarks.queries.questions import QUESTIONS, Keys, tables
from fabyield.lake.delta_log import DeltaLog


def run(given: dict[str, Any]) -> dict[str, Any]:
    """Answer of other wafers first, then of those asked for, with an eye on the files."""
    lake, question = given["lake"], given["question"]
    names = tables(question)
    ask, begun = timed(lambda: started(given["engine"], lake))
    warm, asked = (_literal(QUESTIONS[question], Keys(**given[k])) for k in ("warm", "keys"))
    ask(warm, names)
    folders = [path(lake, name) for name in names]
    with opened(folders) as read:
        rows, taken = timed(lambda: ask(asked, names))
    there = sum(len(DeltaLog(folder).state().files) for folder in folders)
    files = {"files_read": len(read), "files": there}
    return {**taken, **files, "session_seconds": begun["seconds"], "told": rows}


def _literal(sql: str, keys: Keys) -> str:
    for name, value in keys.literals.items():
        sql = sql.replace(f"{{{name}}}", value)
    return sql
