from datetime import UTC, datetime

from fabyield.lake.catalog import WAFER_RUNS
from fabyield.transforms.silver.insertions import insertions

RUN = {"fab_id": "F1", "wafer_key": 5, "insertion": "CP1", "test_program": "cp1"}


def at(hour):
    return datetime(2026, 3, 2, hour, tzinfo=UTC)


def ran(file_key, hour, rev, **more):
    return RUN | {"file_key": file_key, "started_at": at(hour), "test_program_rev": rev} | more


def test_insertion_has_the_program_of_its_last_run_and_all_that_ran(rows):
    runs = rows(
        WAFER_RUNS,
        RUN
        | {"file_key": 2, "started_at": at(9), "test_program_rev": "08", "is_retest_file": True},
        RUN | {"file_key": 1, "started_at": at(3), "test_program_rev": "07"},
        RUN | {"file_key": 3, "started_at": at(1), "test_program_rev": "06", "is_superseded": True},
    )

    [found] = insertions(runs).collect()

    assert (found["test_program_rev"], found["programs"]) == ("08", ["cp1/07", "cp1/08"])
    assert (found["runs"], found["retest_runs"]) == (2, 1)
    times = [found[name].hour for name in ("tested_at", "last_started_at")]
    assert times == [3, 9]
