"""Ten nights of a dirty fab, some of them taken in together, against what is true of them."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import pyarrow.parquet as pq
import pytest

from fabsim import Destination, in_processes, simulate
from fabyield.pipeline.steps import steps
from tests.conftest import forget_lakes, skip_audits
from tests.jobs.conftest import Fab, fab_in
from tests.plans import small_plan

pytestmark = [pytest.mark.slow, pytest.mark.soak]
# The nights after which all is taken in that was delivered since the last time.
TAKEN_IN, TESTS = (1, 2, 3, 5, 7, 10), 8
# The first and the last one are whole; the others leave out audits, and what ends with itself.
WHOLE = (TAKEN_IN[0], TAKEN_IN[-1])
ENDS = {"functional_results", "multi_results", "bin_pareto", "parametric_summary"}
ENDS |= {"pcm_results", "pcm_at_test", "yield_model", "report", "maintain"}
COUNTS = ("tested_die", "first_pass_die", "good_die", "recovered_die")


@dataclass(frozen=True)
class Nights:
    """The lake after the last night, and the truth."""

    fab: Fab

    def truth(self, name):
        return pq.read_table(self.fab.root / "truth" / name).to_pylist()

    @cached_property
    def yields(self):
        """The truth of the sessions of which nothing was lost or damaged by now."""
        changes = {}
        for file in self.truth("files"):
            key = file["lot_id"], file["wafer_id"], file["insertion"]
            changes.setdefault(key, set()).add(file["change"])
        return {
            (*first_name(row), row["insertion"]): row
            for row in self.truth("yields")
            if "whole" in changes[row["lot_id"], row["wafer_id"], row["insertion"]]
            and not row["misspelt"]
        }


@pytest.fixture(scope="module")
def nights(spark, tmp_path_factory):
    root = tmp_path_factory.mktemp("dirty")
    plan = small_plan("dirty_night", lots_per_night=2, wafers_per_lot=5)
    # Rare flaws are too rare for a hundred wafers.
    dirt = replace(plan.dirt, truncated=0.06, corrupt=0.05, misspelt=0.04, clock=0.15, late=0.06)
    plan = replace(plan, dirt=dirt)
    fab = fab_in(root, spark).with_policy(settle_seconds=0.0)
    forget_lakes(spark)
    for last, night in pairwise((0, *TAKEN_IN)):
        simulate(
            plan, Destination.in_folder(str(root)), range(last + 1, night + 1), in_processes(1)
        )
        with pytest.MonkeyPatch.context() as patch:
            if night not in WHOLE:
                skip_audits(patch)
                patch.setattr(
                    "fabyield.pipeline.night.steps", lambda: [s for s in steps() if s not in ENDS]
                )
            fab.night()
    return Nights(fab)


def first_name(session):
    """A wafer has the name of its first lot, whatever a tester calls it; packages have no wafer."""
    named = session["wafer_id"] is not None
    return (session["lot_id"], session["wafer_id"]) if named else (session["spelt_lot_id"], "-")


def test_every_night_ends_and_accounts_for_every_row_of_every_table(nights):
    rows = nights.fab.rows("ops.runs")
    done = [row for row in rows if row["state"] == "done"]

    tables = [table for row in done if row["step"] != "nightly" for table in row["tables"]]
    wrong = [
        t for t in tables if t["rows_in"] != t["rows_out"] + t["quarantined"] + t["duplicates"]
    ]
    batches = {row["batch"] for row in done if row["step"] == "nightly"}
    assert batches == set(range(1, len(TAKEN_IN) + 1))
    assert {row["state"] for row in rows} == {"running", "done"}
    assert wrong == []
    assert sum(t["quarantined"] for t in tables) > 0
    assert sum(t["duplicates"] for t in tables) > 0


def test_every_delivered_file_is_recorded_with_its_status(nights):
    status = {row["path"]: row["status"] for row in nights.fab.rows("bronze.stdf_files")}
    truth = nights.truth("files")

    assert status.keys() == {row["path"] for row in truth}
    copies = {row["path"] for row in truth if row["reason"] in ("again", "renamed")}
    assert {path for path, what in status.items() if what == "duplicate"} == second_ones(truth)
    assert second_ones(truth) <= copies
    found = {change: Counter() for change in ("cut", "cut_stream", "corrupt")}
    for row in truth:
        if row["change"] in found and row["path"] not in second_ones(truth):
            found[row["change"]][status[row["path"]]] += 1
    assert set(found["cut"]) == {"incomplete"}
    assert set(found["cut_stream"]) == {"incomplete"}
    assert set(found["corrupt"]) <= {"incomplete", "complete"}
    assert found["corrupt"]["incomplete"] > 0


def second_ones(files):
    """Copies of a file that was there before, or the same night under an earlier name."""
    first, seconds = {}, set()
    for row in sorted(files, key=lambda row: (row["night_on"], row["path"])):
        key = row["lot_id"], row["wafer_id"], row["insertion"], row["change"]
        if row["change"] != "cut_stream" and key in first:
            seconds.add(row["path"])
        first.setdefault(key, row["path"])
    return seconds


def test_yields_of_complete_sessions_are_true(nights):
    found = {
        (row["lot_id"], row["wafer_id"], row["insertion"]): [row[name] for name in COUNTS]
        for row in nights.fab.rows("gold.wafer_yield")
    }

    expected = {key: [row[name] for name in COUNTS] for key, row in nights.yields.items()}
    assert len(expected) > 150
    assert {key: found.get(key) for key in expected} == expected


def test_no_result_of_a_complete_session_is_lost_or_doubled(nights):
    found = Counter(
        (row["lot_id"], row["wafer_id"], row["insertion"])
        for row in nights.fab.rows("silver.parametric_results")
    )

    expected = {key: TESTS * row["touchdowns"] for key, row in nights.yields.items()}
    assert {key: found[key] for key in expected} == expected


def test_only_misspelt_wafers_are_unknown_to_the_factory(nights):
    unknown = [row for row in nights.fab.rows("silver.wafers") if not row["is_known"]]
    misspelt = [row for row in nights.truth("yields") if row["misspelt"]]

    named = {(row["lot_id"], row["wafer_id"]) for row in unknown if row["wafer_id"] != "-"}
    spelt = {(row["spelt_lot_id"], row["spelt_wafer_id"]) for row in misspelt}
    assert named <= spelt
    assert len(named) > 0


def test_share_of_unknown_wafers_is_measured_without_packages(nights):
    yields = [row for row in nights.fab.rows("gold.wafer_yield") if row["wafer_id"] != "-"]
    misspelt = [row for row in nights.truth("yields") if row["misspelt"]]
    spelt = {(row["spelt_lot_id"], row["spelt_wafer_id"]) for row in misspelt}
    tested = {(row["lot_id"], row["wafer_id"]) for row in yields}

    shares = nights.fab.rows("ops.metric_history")
    told = nights.fab.rows("ops.validation_results")

    [last] = [row for row in shares if is_share_of_wafers(row) and row["batch"] == len(TAKEN_IN)]
    assert (last["counted"], last["total"]) == (len(tested & spelt), len(tested))
    assert any(row["table"] == "ops.metric_history" and not row["met"] for row in told)


def is_share_of_wafers(row):
    return row["metric"] == "unmatched_wafers_ratio"


def test_renamed_wafers_are_one_wafer_with_all_its_steps(nights):
    events = nights.truth("lots.parquet")
    later = {row["to_lot_id"] for row in events if row["event"] in ("split", "renumber")}
    known = [row for row in nights.fab.rows("silver.wafers") if row["is_known"]]
    history = nights.fab.rows("silver.process_history_at_test")

    steps = Counter(row["wafer_key"] for row in history if row["insertion"] == "CP1")

    assert later & {row["current_lot_id"] for row in known}
    assert not later & {row["lot_id"] for row in known}
    sorted_ones = {row["wafer_key"] for row in known} & set(steps)
    assert {steps[key] for key in sorted_ones} == {len(small_plan("dirty_night").route)}


def test_packages_are_traced_to_good_die_of_their_wafers(nights):
    whole = {key[:2] for key in nights.yields if key[2] == "CP1"}
    wafers = {
        row["wafer_key"]: (row["lot_id"], row["wafer_id"])
        for row in nights.fab.rows("silver.wafers")
    }
    die = [row for row in nights.fab.rows("silver.die_results") if row["insertion"] == "CP1"]
    good = {(*wafers[d["wafer_key"]], d["x_coord"], d["y_coord"]) for d in die if d["final_pass"]}

    packages = nights.fab.rows("silver.packaged_parts")

    names = [f"origin_{name}" for name in ("lot_id", "wafer_id", "x_coord", "y_coord")]
    origins = [tuple(row[name] for name in names) for row in packages if row["traced_by"] == "part"]
    told = [origin for origin in origins if origin[:2] in whole]
    assert len(origins) == len(packages)
    assert len(told) > 500
    assert set(told) <= good


def test_every_kind_of_delivery_fault_occurred(nights):
    files, yields = nights.truth("files"), nights.truth("yields")

    assert {row["change"] for row in files} == {"whole", "cut", "cut_stream", "corrupt"}
    assert {row["reason"] for row in files} == {"on_time", "late", "again", "renamed", "mended"}
    assert any(row["misspelt"] for row in yields)
    assert any(row["clock_seconds"] for row in yields)
    assert {row["event"] for row in nights.truth("lots.parquet")} >= {"split"}
