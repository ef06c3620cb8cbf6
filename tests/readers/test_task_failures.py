import pytest

from fabyield.readers.stdf.task_failures import task_failure

ABORTED = (
    "An error occurred while calling o324.parquet.\n: org.apache.spark.SparkException: Job aborted "
    "due to stage failure: Task 3 in stage 15.0 failed 4 times, most recent failure: Lost task 3.3 "
    "in stage 15.0 (TID 20) (host): {reason}\n\tat org.apache.spark.Task.run\nDriver stacktrace:"
)
RAISED = (
    "org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n"
    '  File "stage.py", line 158, in add\n'
    "fabyield.errors.StageError: /lake/_stage/2: cannot be written: [Errno 28] No space left"
)
DIED = "org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)."


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (RAISED, "StageError: /lake/_stage/2: cannot be written: [Errno 28] No space left"),
        (DIED, "its Python worker was killed or ran out of memory"),
    ],
)
def test_f25_partition_its_files_and_the_reason_are_reported(reason, told):
    files = [(2, "a.stdf"), (3, "b.stdf")]
    said = task_failure(Exception(ABORTED.format(reason=reason)), files)

    assert said is not None
    assert said.startswith(
        f"decoding failed in partition 3, which reads b.stdf, tried 4 times: {told}"
    )


def test_of_many_files_a_few_are_named():
    files = [(3, f"{number}.stdf") for number in range(12)]

    said = task_failure(Exception(ABORTED.format(reason=DIED)), files)

    assert said is not None
    assert "4.stdf and 7 more" in said
    assert "5.stdf" not in said


def test_error_outside_a_task_is_not_a_task_failure():
    assert task_failure(Exception("Path does not exist"), [(3, "b.stdf")]) is None
