import pytest
from delta import exceptions as delta

from fabyield.errors import FabYieldError
from fabyield.lake.commits import retry_on_conflict
from fabyield.settings.sections import Retries

AT_ONCE = Retries(attempts=3, first_seconds=0, most_seconds=0)


def meeting(*errors):
    """A write that raises each of `errors` in turn, then succeeds; and how often it was called."""
    left, calls = list(errors), []

    def write():
        calls.append(len(left))
        if left:
            raise left.pop(0)

    return write, calls


@pytest.mark.parametrize("kind", delta.__all__)
def test_f03_write_that_conflicts_is_planned_again(kind):
    write, calls = meeting(getattr(delta, kind)("met"), getattr(delta, kind)("met"))

    retry_on_conflict("gold.made_up: merge", write, AT_ONCE)

    assert len(calls) == 3


def test_f03_write_that_conflicts_every_time_fails_with_what_to_do():
    write, calls = meeting(*(delta.ConcurrentAppendException(f"files {n}") for n in range(9)))

    with pytest.raises(
        FabYieldError, match=r"made_up: merge: conflicted .* 3 times, .*files 2; find out"
    ):
        retry_on_conflict("gold.made_up: merge", write, AT_ONCE)

    assert len(calls) == 3


def test_any_other_error_is_not_tried_again():
    write, calls = meeting(ValueError("no such column"))

    with pytest.raises(ValueError, match="no such column"):
        retry_on_conflict("gold.made_up: merge", write, AT_ONCE)

    assert len(calls) == 1
