"""Steps: what they declare holds, and the order of the night follows from it."""

import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from fabyield.errors import ContractError
from fabyield.lake.catalog import ALL, DIE_RESULTS, FAB_LOTS, TOUCHDOWNS, WAFER_YIELD, WAFERS
from fabyield.lake.store import Store
from fabyield.lake.table import WriteMode
from fabyield.pipeline import steps as all_steps
from fabyield.pipeline.run import Run
from fabyield.pipeline.run_history import Attempt
from fabyield.pipeline.steps import (
    Site,
    Step,
    Turn,
    _imported,
    affected_steps,
    can_be_rebuilt,
    declared,
    in_order,
    is_needed,
    rebuilt_with,
    sources_hash,
    steps,
)


def step(reads=(), writes=(), **more):
    return Step(tuple(reads), tuple(writes), **more)


def test_steps_come_after_those_that_write_what_they_read():
    plans = {
        "yields": step([DIE_RESULTS, WAFERS], [WAFER_YIELD]),
        "die": step([TOUCHDOWNS, DIE_RESULTS], [DIE_RESULTS]),
        "touches": step([WAFERS], [TOUCHDOWNS]),
        "names": step(writes=[WAFERS]),
    }

    assert in_order(plans) == ["names", "touches", "die", "yields"]


def test_steps_whose_tables_only_people_read_are_not_needed():
    needed = {name for name in declared() if is_needed(name)}

    assert needed >= {"stdf_files", "fab_tables", "wafers", "die_results", "wafer_yield"}
    assert needed.isdisjoint({"excursions", "yield_model", "unmatched", "report", "maintain"})


def test_page_comes_after_all_tables_and_upkeep_last():
    plans = {
        "upkeep": step(turn=Turn.UPKEEP),
        "page": step(turn=Turn.REPORT),
        "zeta": step(writes=[WAFERS]),
    }

    assert in_order(plans) == ["zeta", "page", "upkeep"]


def test_steps_that_need_not_wait_stand_as_their_tables_in_the_catalog():
    assert steps()[:2] == ["stdf_files", "fab_tables"]
    plans = {"b": step(writes=[FAB_LOTS]), "a": step(writes=[WAFERS])}
    assert in_order(plans) == ["b", "a"]


def test_steps_that_wait_for_each_other_are_refused_by_name():
    plans = {"a": step([WAFERS], [TOUCHDOWNS]), "b": step([TOUCHDOWNS], [WAFERS])}

    with pytest.raises(ContractError, match=r"steps wait for each other: (a -> b|b -> a)"):
        in_order(plans)


def test_change_reaches_what_reads_it_and_what_follows():
    found = affected_steps([TOUCHDOWNS], declared())

    assert found[:2] == ["die_results", "parametric_results"]
    assert {"wafer_yield", "bin_pareto", "yield_model", "report"} <= set(found)
    assert not {"touchdowns", "wafers", "process_history"} & set(found)


def test_every_table_but_those_that_runs_write_is_written_by_one_step():
    written = [table.table for plan in declared().values() for table in plan.writes]

    assert len(written) == len(set(written))
    assert set(ALL) - set(written) == {"ops.runs", "ops.quarantine", "ops.validation_results"}


def test_two_steps_cannot_write_one_table(monkeypatch):
    all_steps.declared.cache_clear()
    monkeypatch.setattr(all_steps, "_step", lambda module: step(writes=[WAFERS]))

    with pytest.raises(ContractError, match=r"silver\.wafers is written by two steps: "):
        declared()
    all_steps.declared.cache_clear()


def test_sources_are_parsed_by_threads_at_once_without_an_error():
    # Threads that take turns, and collect garbage, as often as can be.
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(10)
    gc.callbacks.append(lambda phase, info: None)
    try:
        with ThreadPoolExecutor(8) as pool:
            found = set(pool.map(_imported.__wrapped__, ["fabyield.jobs.yield_model"] * 100))
    finally:
        gc.callbacks.pop()
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)

    assert len(found) == 1


def test_hash_of_sources_follows_the_job_and_the_transforms_that_it_uses(monkeypatch):
    sources_hash.cache_clear()
    before = {name: sources_hash(name) for name in ("wafer_yield", "bin_pareto", "insertions")}
    read = all_steps._source
    edited = "fabyield.transforms.gold.wafer_yield"
    monkeypatch.setattr(all_steps, "_source", lambda m: read(m) + "\n" * (m == edited))
    sources_hash.cache_clear()

    after = {name: sources_hash(name) for name in before}
    sources_hash.cache_clear()

    # bin_pareto takes percent() from there.
    assert [name for name in before if before[name] == after[name]] == ["insertions"]


@pytest.fixture
def stepping(spark, settings):
    plan = step([WAFERS], [WAFER_YIELD], conf=("fab",))
    run = Run(Store(spark, settings.lake), settings.only(plan.conf), Attempt(1, "yields"))
    return replace(run, step=plan)


@pytest.mark.parametrize(
    "way", ["read", "read_all_fabs", "new", "changes", "rows"], ids=lambda way: way
)
def test_undeclared_table_cannot_be_read_in_any_way(stepping, way):
    with pytest.raises(ContractError, match=r"step yields reads silver\.die_results, which its"):
        getattr(replace(stepping, since=1), way)(DIE_RESULTS)

    getattr(stepping, way)(WAFERS)


def test_table_that_is_only_read_cannot_be_written(stepping, rows):
    with pytest.raises(ContractError, match=r"step yields writes silver\.wafers, which its STEP"):
        stepping.write(WAFERS, rows(WAFERS))
    assert WAFERS.write is WriteMode.MIRROR


def test_undeclared_section_of_the_settings_cannot_be_read(stepping):
    assert stepping.settings.fab.retest_rule == "touch"
    with pytest.raises(ContractError, match=r"reads model\.insertion of conf, but its STEP"):
        _ = stepping.settings.model.insertion
    hidden = stepping.settings.only(())
    assert hidden.fab.fab_id == "FAB1"
    with pytest.raises(ContractError, match=r"fab\.retest_rule"):
        _ = hidden.fab.retest_rule


def test_hash_of_settings_follows_the_sections_that_are_named(settings):
    other = replace(settings, fab=replace(settings.fab, retest_rule="flag"))

    assert settings.hash_of(["model"]) == other.hash_of(["model"])
    assert settings.hash_of(["fab"]) != other.hash_of(["fab"])


def test_hash_of_settings_is_of_nothing_that_is_secret(settings):
    secret = replace(settings, ingest=replace(settings.ingest, operator_key="a key"))

    assert secret.hash_of(["ingest"]) == settings.hash_of(["ingest"])


def test_rebuild_of_a_step_takes_what_follows_and_what_outlasts_a_night_is_never_rebuilt():
    found = rebuilt_with("touchdowns")

    assert {"touchdowns", "die_results", "parametric_results", "wafer_yield", "bin_pareto"} <= found
    assert not {"wafers", "wafer_runs", "report", "maintain", "unmatched"} & found
    assert not [name for name in ("stdf_files", "fab_tables", "unmatched") if can_be_rebuilt(name)]


def test_step_that_is_left_out_must_be_there(monkeypatch):
    monkeypatch.setattr(all_steps, "site_conf", lambda: Site(("wafer_yeild",)))

    with pytest.raises(ContractError, match="leave_out: wafer_yeild: no such step"):
        steps()
