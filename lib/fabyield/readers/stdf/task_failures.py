"""The reason why a decoding task failed, in one line."""

import re
from collections.abc import Iterable

TASK = re.compile(r"Task (\d+) in stage [\d.]+ failed (\d+) times")
DIED = "Python worker exited unexpectedly"
RAISED = re.compile(r"^(?!org\.|java\.)(?:\w+\.)*(\w+: \S.*)$", re.MULTILINE)
SHOWN = 5


def task_failure(error: Exception, files: Iterable[tuple[int, str]]) -> str | None:
    """Return which partition of `files` (partition, path) failed, and why; None if none did."""
    text = str(error)
    if (task := TASK.search(text)) is None:
        return None
    partition, times = (int(number) for number in task.groups())
    names = [path for place, path in files if place == partition]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    where = f"partition {partition}, which reads {', '.join(names[:SHOWN])}{more}"
    if DIED in text:
        reason = (
            "its Python worker was killed or ran out of memory; give executors more memory beside "
            "the JVM's, or move the largest of these files out of the landing zone, and run again"
        )
    else:
        raised = [found[1] for found in RAISED.finditer(text) if "Traceback" not in found[0]]
        reason = raised[-1] if raised else text.strip().splitlines()[0]
    return f"decoding failed in {where}, tried {times} times: {reason}"
