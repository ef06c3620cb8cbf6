"""What stopped the tasks that decode files, said in one line."""

import re
from collections.abc import Mapping, Sequence

TASK = re.compile(r"Task (\d+) in stage [\d.]+ failed (\d+) times")
DIED = "Python worker exited unexpectedly"
RAISED = re.compile(r"^(?!org\.|java\.)(?:\w+\.)*(\w+: \S.*)$", re.MULTILINE)
SHOWN = 5


def stopped(error: Exception, files: Mapping[int, Sequence[str]]) -> str | None:
    """Where and why decoding stopped, with the `files` of that partition; None if not in a task."""
    text = str(error)
    if (task := TASK.search(text)) is None:
        return None
    partition, times = (int(number) for number in task.groups())
    names = files.get(partition, ())
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    where = f"partition {partition}, which reads {', '.join(names[:SHOWN])}{more}"
    return f"decoding failed in {where}, tried {times} times: {_reason(text)}"


def _reason(text: str) -> str:
    if DIED in text:
        return (
            "its Python worker was killed or ran out of memory; give executors more memory beside "
            "the JVM's, or move the largest of these files out of the landing zone, and run again"
        )
    raised = [found[1] for found in RAISED.finditer(text) if "Traceback" not in found[0]]
    return raised[-1] if raised else text.strip().splitlines()[0]
