import logging

import pytest

from fabyield.errors import AccountingError, ConfigError, DataQualityError, ModelError
from fabyield.lake.catalog import RUNS
from fabyield.lake.store import Store
from fabyield.pipeline.launch import Exit, exit_code, run_alone, run_job
from fabyield.pipeline.logs import LogFile, logging_to
from fabyield.pipeline.run_history import NIGHT, Attempt, RunHistory, State
from tests.conftest import FAB


def raising(error):
    def work(*_):
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (None, Exit.DONE, None),
        (DataQualityError("gross_die"), Exit.STOPPED, "STOPPED: gross_die"),
        (ConfigError("no such lake"), Exit.MISUSED, "MISUSED: no such lake"),
        (AccountingError("one row lost"), Exit.STOPPED, "STOPPED: one row lost"),
        (ModelError("tampered"), Exit.FAILED, "FAILED: tampered"),
        (KeyboardInterrupt(), Exit.FAILED, "FAILED: interrupted; run again to continue"),
        (OSError("\n disk full\nat page 3"), Exit.FAILED, "FAILED: OSError: disk full"),
        (OSError("o12.save.\n: no space left\nat"), Exit.FAILED, "FAILED: OSError: no space left"),
        (
            OSError("o12.save.\n: cannot write\nCaused by: A\n at\n\tCaused by: disk full\nat"),
            Exit.FAILED,
            "FAILED: OSError: cannot write; cause: disk full",
        ),
        (
            OSError("Generic error\n \x1b[31m↳\x1b[0m copy\n \x1b[31m↳\x1b[0m disk full\n"),
            Exit.FAILED,
            "FAILED: OSError: Generic error; cause: disk full",
        ),
        (OSError(), Exit.FAILED, "FAILED: OSError: no message"),
    ],
)
def test_what_went_wrong_is_one_line_and_an_exit_code(caplog, error, code, line):
    caplog.set_level(logging.INFO)

    ended = exit_code(raising(error) if error else lambda: None)

    assert ended is code
    assert [row.message for row in caplog.records] == ([line] if line else [])


@pytest.mark.parametrize(
    ("error", "state"),
    [(None, "done"), (DataQualityError("bad"), "stopped"), (RuntimeError("out of disk"), "failed")],
)
def test_how_an_attempt_ended_is_on_record(run, error, state):
    try:
        run_job(raising(error) if error else lambda run: None, run, RunHistory(run.store, FAB))
    except (DataQualityError, RuntimeError) as seen:
        assert seen is error

    [row] = run.store.read(RUNS).collect()
    assert (row["state"], row["message"]) == (state, str(error) if error else "")


@pytest.mark.parametrize("other", [NIGHT, "wafers"])
def test_job_alone_waits_for_the_run_that_failed(spark, settings, other):
    RunHistory(Store(spark, settings.lake), FAB).record(Attempt(1, other), State.FAILED)

    with pytest.raises(ConfigError, match=r"batch 1 is not finished: run jobs/nightly\.py first"):
        run_alone(lambda run: None, "wafer_yield", settings, full=False)


@pytest.mark.parametrize("ending", [RuntimeError("disk full"), None])
def test_job_alone_goes_on_with_the_batch_that_it_did_not_finish(spark, settings, ending):
    history, runs = RunHistory(Store(spark, settings.lake), FAB), []
    # Killed, it could not even say that it failed.
    history.record(Attempt(1, "stdf_files"), State.FAILED if ending else State.RUNNING)

    run_alone(runs.append, "stdf_files", settings, full=False)
    run_alone(runs.append, "stdf_files", settings, full=False)

    assert [run.attempt.batch for run in runs] == [1, 2]


def test_job_alone_is_on_record_before_its_work(spark, settings):
    seen = []

    run_alone(
        lambda run: seen.append(RunHistory(run.store, FAB).open_batch()),
        "wafers",
        settings,
        full=False,
    )

    assert seen == [1]


@pytest.mark.parametrize(("full", "since"), [(False, 3), (True, 0)])
def test_job_alone_takes_what_it_has_not_seen_or_all(spark, settings, full, since):
    RunHistory(Store(spark, settings.lake), FAB).record(Attempt(3, "wafer_yield"), State.DONE)
    runs = []

    run_alone(runs.append, "wafer_yield", settings, full)

    assert [(run.since, run.attempt.batch) for run in runs] == [(since, 4)]


def test_log_that_cannot_be_written_is_a_wrong_setting(tmp_path):
    (tmp_path / "file").write_text("")

    for folder in (tmp_path / "file", tmp_path / "file" / "log"):
        with pytest.raises(ConfigError, match="log: "), logging_to(str(folder), "job"):
            pass
    (tmp_path / "job.log").mkdir()
    with pytest.raises(ConfigError, match="log: "), logging_to(str(tmp_path), "job"):
        pass


def test_log_file_keeps_what_the_screen_leaves_out(tmp_path, capsys):
    log = logging.getLogger("fabyield.somewhere")
    with logging_to(str(tmp_path), "job"):
        log.debug("detail")
        log.info("progress")
    log.info("later")

    written = (tmp_path / "job.log").read_text()
    assert [line.rpartition(" ")[2] for line in written.splitlines()] == ["detail", "progress"]
    assert capsys.readouterr().out.endswith("  progress\n")


def test_log_on_a_full_disk_neither_stops_a_run_nor_hides_its_last_line(capsys):
    log = LogFile("/dev/full")

    log.emit(logging.makeLogRecord({"msg": "FAILED"}))
    log.close()

    assert capsys.readouterr() == ("", "")
