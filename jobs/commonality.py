"""Gold: what the low wafers of a product have in common."""

from dataclasses import asdict

from fabyield.lake.catalog import COMMONALITY, PROCESS_HISTORY_AT_TEST, WAFER_RUNS, WAFER_YIELD
from fabyield.pipeline.job import Run, Step, main
from fabyield.transforms.gold.commonality import commonality, compared_wafers
from fabyield.transforms.shared.suspect_arms import SuspectRules

INPUTS = (WAFER_YIELD, PROCESS_HISTORY_AT_TEST, WAFER_RUNS)
STEP = Step(reads=INPUTS, writes=(COMMONALITY,), conf=("commonality",))


def job(run: Run) -> None:
    """Compare the last lots of every product."""
    rules = SuspectRules(**asdict(run.settings.commonality))
    rows = compared_wafers(run.read(WAFER_YIELD), rules.lots).select("wafer_key").distinct()
    wafers = [row["wafer_key"] for row in rows.collect()]
    yields, history, runs = (run.read(table, wafers) for table in INPUTS)
    run.write(COMMONALITY, commonality(yields, history, runs, rules))


if __name__ == "__main__":
    main(job)
