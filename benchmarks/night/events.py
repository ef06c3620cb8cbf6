"""What Spark's event log tells of a night: jobs and queries, which depend on no machine's speed."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Event = dict[str, Any]
JOB, TASK = "SparkListenerJobStart", "SparkListenerTaskEnd"
QUERY = "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart"
# Of what belongs to no step, such as the night's own summary.
OTHER = "none"
NANOS = 1e9
ROWS = (
    ("Input Metrics", "Records Read"),
    ("Shuffle Read Metrics", "Total Records Read"),
    ("Output Metrics", "Records Written"),
)


def conf(folder: Path) -> dict[str, str]:
    """Spark's settings under which a session writes its events into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    log = {"enabled": "true", "dir": folder.as_uri(), "compress": "false"}
    return {f"spark.eventLog.{name}": value for name, value in log.items()}


def told(folder: Path) -> dict[str, dict[str, float]]:
    """By step: `jobs`, `queries`, processor seconds of its tasks in the JVM, and `executors`.

    Those are counted whose tasks read, were sent or wrote any rows.
    """
    jobs: Counter[str] = Counter()
    queries: Counter[str] = Counter()
    tasks: Counter[str] = Counter()
    executors: dict[str, set[str]] = defaultdict(set)
    of_stage: dict[int, str] = {}
    for event in _events(folder):
        if event["Event"] == QUERY:
            queries[event.get("jobGroupId") or OTHER] += 1
        elif event["Event"] == JOB:
            step = (event.get("Properties") or {}).get("spark.jobGroup.id", OTHER)
            jobs[step] += 1
            of_stage |= dict.fromkeys(event["Stage IDs"], step)
        elif event["Event"] == TASK:
            metrics = event.get("Task Metrics") or {}
            step = of_stage.get(event["Stage ID"], OTHER)
            tasks[step] += metrics.get("Executor CPU Time", 0)
            if any(metrics.get(kind, {}).get(name) for kind, name in ROWS):
                executors[step].add(event["Task Info"]["Executor ID"])
    return {
        step: {
            "jobs": jobs[step],
            "queries": queries[step],
            "task_seconds": tasks[step] / NANOS,
            "executors": len(executors[step]),
        }
        for step in {*jobs, *queries}
    }


def _events(folder: Path) -> Iterator[Event]:
    for path in (path for path in folder.rglob("*") if path.is_file()):
        with path.open() as lines:
            yield from (json.loads(line) for line in lines if line.startswith("{"))
