"""Gold: the findings of the night, and the evidence for each."""

from collections.abc import Sequence

from pyspark.sql import DataFrame

from fabyield.lake.catalog import (
    BIN_PARETO,
    COMMONALITY,
    EXCURSION,
    EXCURSION_EVIDENCE,
    PARAMETRIC_SUMMARY,
    PROCESS_HISTORY,
    PROCESS_HISTORY_AT_TEST,
    WAFER_RUNS,
    WAFER_YIELD,
    WAFERS,
    ZONE_YIELD,
)
from fabyield.lake.few_rows import few_rows
from fabyield.lake.reader import Row
from fabyield.lake.table import Table, ddl
from fabyield.pipeline.job import Batch, Run, Step, main
from fabyield.transforms.gold.commonality import compared_wafers, process_visits, test_visits
from fabyield.transforms.gold.excursion import excursions, with_findings
from fabyield.transforms.gold.excursion_evidence import (
    SUSPECTED,
    counted_evidence,
    excursion_wafers,
    in_line_wafers,
)

TESTED = (ZONE_YIELD, BIN_PARETO, PARAMETRIC_SUMMARY)
STEP = Step(
    reads=(
        *(COMMONALITY, WAFER_YIELD, PROCESS_HISTORY, PROCESS_HISTORY_AT_TEST),
        *(WAFER_RUNS, WAFERS, *TESTED),
    ),
    writes=(EXCURSION, EXCURSION_EVIDENCE),
    conf=("commonality",),
)


def job(run: Run) -> None:
    """Follow the suspects of this night, and collect what the wafers that they hit show."""
    compared = run.rows(COMMONALITY)
    suspects = [row for row in compared if row["verdict"] == "suspect"]
    earlier = run.rows(EXCURSION)
    found = excursions(earlier, suspects, run.attempt.started_at.date())
    if not found:
        run.write_nothing(EXCURSION, EXCURSION_EVIDENCE)
        return
    current = [row for row in found if "suspect_rank" in row]
    counted, in_line = count_evidence(run, current) if current else ([], [])
    rows, evidence = with_findings(found, counted, in_line, compared)
    ids = {row["excursion_id"] for row in current}
    kept = [row for row in run.rows(EXCURSION_EVIDENCE) if row["excursion_id"] not in ids]
    run.publish([batch(run, EXCURSION, rows), batch(run, EXCURSION_EVIDENCE, [*kept, *evidence])])
    known = {row["excursion_id"] for row in earlier}
    for row in rows:
        if row["excursion_id"] not in known:
            run.notify(EXCURSION, row["finding"], "the place that it names, and its wafers in line")


def count_evidence(run: Run, current: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Count what the wafers of each excursion and the others show, and the wafers in line."""
    suspects = few_rows(run.spark, [suspected(run, row) for row in current], SUSPECTED)
    yields = run.read(WAFER_YIELD)
    wafers = compared_wafers(yields, run.settings.commonality.lots)
    keys = [row["wafer_key"] for row in wafers.select("wafer_key").distinct().collect()]
    visits = process_visits(run.read(PROCESS_HISTORY_AT_TEST, keys))
    visits = visits.unionByName(test_visits(run.read(WAFER_RUNS, keys)))
    arms = excursion_wafers(wafers, visits, suspects)
    counted = counted_evidence(arms, *(run.read(table, keys) for table in TESTED))
    steps = {row["process_step"] for row in current}
    since = min(row["since_at"] for row in current)
    history = run.read(PROCESS_HISTORY)
    recent = history.where(history.process_step.isin(*steps) & (history.started_at >= since))
    in_line = in_line_wafers(
        process_visits(recent, "fab_id", "wafer_key"), suspects, run.read(WAFERS), yields
    )
    return collected(counted), collected(in_line)


def collected(rows: DataFrame) -> list[Row]:
    """Return the few rows of a frame."""
    return [row.asDict() for row in rows.collect()]


def suspected(run: Run, row: Row) -> Row:
    """Return an excursion with the columns of SUSPECTED; without an end while it goes on."""
    ended_at = row["until_at"] if row["state"] == "ended" else None
    known = {**row, "fab_id": run.fab_id, "ended_at": ended_at}
    return {name: known[name] for name in (part.split()[0] for part in SUSPECTED.split(", "))}


def batch(run: Run, table: Table, rows: Sequence[Row]) -> Batch:
    """Return rows as a batch of `table`, null where they lack a column."""
    ours = [{n: row.get(n) for n in table.made} | {"fab_id": run.fab_id} for row in rows]
    return Batch(table, few_rows(run.spark, ours, ddl(table.made)))


if __name__ == "__main__":
    main(job)
