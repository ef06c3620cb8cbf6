"""What is counted of Spark's event log."""

import json

from benchmarks.night.events import OTHER, QUERY, conf, told


def test_jobs_queries_and_seconds_of_tasks_are_told_by_step(tmp_path):
    step = {"spark.jobGroup.id": "wafers"}
    events = [
        {"Event": "SparkListenerLogStart", "Spark Version": "4"},
        {"Event": QUERY, "executionId": 0, "jobGroupId": "wafers"},
        {"Event": QUERY, "executionId": 1, "jobGroupId": None},
        {"Event": "SparkListenerJobStart", "Stage IDs": [1, 2], "Properties": step},
        {"Event": "SparkListenerJobStart", "Stage IDs": [3], "Properties": None},
        task(1, 2_000_000_000, rows=0),
        task(2, 500_000_000, rows=5),
        task(2, 0, rows=1, executor="1"),
        task(3, 250_000_000, rows=0),
    ]
    folder = tmp_path / "events"
    assert conf(folder)["spark.eventLog.dir"] == folder.as_uri()
    (folder / "app").write_text("\n".join(map(json.dumps, events)))

    found = told(folder)

    assert found == {
        "wafers": {"jobs": 1, "queries": 1, "task_seconds": 2.5, "executors": 2},
        OTHER: {"jobs": 1, "queries": 1, "task_seconds": 0.25, "executors": 0},
    }


def task(stage, nanos, rows, executor="0"):
    metrics = {"Executor CPU Time": nanos, "Input Metrics": {"Records Read": rows}}
    return {
        "Event": "SparkListenerTaskEnd",
        "Stage ID": stage,
        "Task Info": {"Executor ID": executor},
        "Task Metrics": metrics,
    }
