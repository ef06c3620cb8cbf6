import threading
import time

import pytest

from fabyield.errors import DataQualityError
from fabyield.pipeline.parallel_steps import run_in_parallel

WAIT = 10


def in_turn(before, at_a_time, names="abcd"):
    started = []
    run_in_parallel(names, before, started.append, at_a_time)
    return "".join(started)


def test_one_at_a_time_keeps_the_order():
    assert in_turn({}, 1) == "abcd"


@pytest.mark.parametrize("at_a_time", [2, 3, 8])
def test_each_begins_after_those_before_it_have_ended(at_a_time):
    ended, early = set(), []
    before = {"b": {"a"}, "c": {"a"}, "d": {"b", "c"}, "e": {"d", "not tonight"}}

    def work(name):
        early.extend(before.get(name, set()) - ended - {"not tonight"})
        ended.add(name)

    run_in_parallel("abcde", before, work, at_a_time)

    assert (early, ended) == ([], set("abcde"))


def test_what_most_follows_from_begins_first():
    started = []

    run_in_parallel("abcde", {"d": {"c"}, "e": {"d"}}, started.append, 2)

    assert started[0] == "c"


def test_two_that_need_not_wait_are_under_way_together():
    both = threading.Barrier(2)

    run_in_parallel("ab", {}, lambda name: both.wait(WAIT), 2)


def test_error_is_raised_and_nothing_more_starts():
    started, may_end = [], threading.Event()

    def work(name):
        started.append(name)
        if name == "b":
            may_end.set()
            raise OSError("no disk")
        may_end.wait(WAIT)

    with pytest.raises(OSError, match="no disk"):
        run_in_parallel("abcd", {"c": {"a"}}, work, 2)

    assert started == ["a", "b"]


def test_of_several_errors_one_that_must_be_resumed_is_raised():
    has_failed = threading.Event()

    def work(name):
        if name == "a":
            has_failed.set()
            raise DataQualityError("bad")
        has_failed.wait(WAIT)
        # Well behind the other.
        time.sleep(0.2)
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        run_in_parallel("ab", {}, work, 2)
