"""No time without the right result, and everybody's turn."""

import pytest

from benchmarks.harness.process import NotRunError
from benchmarks.harness.race import Race, in_turn, raced


def quiet(_line):
    pass


def ran(seconds, told="right", peak_mib=10.0):
    return {"seconds": seconds, "cpu_seconds": seconds, "peak_mib": peak_mib, "told": told}


class Field:
    """Contenders whose runs are laid out by hand; an exception in their place is raised."""

    def __init__(self, **runs):
        self.left = {name: list(given) for name, given in runs.items()}
        self.order = []

    def run(self, name):
        self.order.append(name)
        found = self.left[name].pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    def race(self, repeats=1, **more):
        race = Race("race", list(self.left), self.run, repeats, **more)
        return {row["name"]: row for row in raced(race, quiet)}


def test_a_contender_with_another_result_gets_a_reason_and_no_time():
    rows = Field(ours=[ran(2)], wrong=[ran(1, "wrong")]).race()

    assert rows["wrong"] == {"name": "wrong", "failed": "differs: wrong where right is expected"}
    assert rows["ours"]["seconds"] == 2


def test_one_wrong_result_among_right_ones_takes_all_times():
    rows = Field(ours=[ran(2), ran(2)], wrong=[ran(1), ran(1, "wrong")]).race(repeats=2)

    assert "seconds" not in rows["wrong"]


def test_a_failure_is_told_and_the_others_go_on():
    field = Field(ours=[ran(2), ran(2)], broken=[NotRunError("no memory")], other=[ran(4), ran(4)])

    rows = field.race(repeats=2)

    assert rows["broken"] == {"name": "broken", "failed": "not run: no memory"}
    assert rows["other"]["times_ours"] == 2
    assert field.order.count("broken") == 1


def test_where_ours_fails_the_others_are_held_against_each_other():
    rows = Field(ours=[NotRunError("x")], one=[ran(1)], two=[ran(1, "else")]).race()

    assert rows["one"]["times_ours"] is None
    assert "differs" in rows["two"]["failed"]


def test_a_floor_may_find_something_else():
    rows = Field(ours=[ran(2)], floor=[ran(1, "less")]).race(floors=["floor"])

    assert rows["floor"]["times_ours"] == 0.5
    assert rows["floor"]["is_floor"]


def test_whoever_is_first_is_last_the_next_time():
    field = Field(a=[ran(1)] * 3, b=[ran(1)] * 3, c=[ran(1)] * 3)

    field.race(repeats=3)

    assert "".join(field.order) == "abcbcacab"


def test_nobody_has_no_turns():
    assert in_turn([], 2) == []


def test_a_row_is_the_best_run_with_the_highest_peak():
    row = Field(ours=[ran(3, peak_mib=5), ran(1, peak_mib=4), ran(2, peak_mib=9)]).race(3)["ours"]

    assert (row["seconds"], row["median_seconds"], row["peak_mib"]) == (1, 2, 9)
    assert row["runs"] == [3, 1, 2]


def test_ratios_are_by_the_best_runs():
    rows = Field(ours=[ran(4), ran(2)], other=[ran(9), ran(1)]).race(repeats=2)

    assert rows["other"]["times_ours"] == 0.5


def test_who_tells_something_else_beforehand_is_never_timed():
    field = Field(ours=[{"seconds": 1, "peak_mib": 1}], wrong=[])

    rows = field.race(tell={"ours": 3, "wrong": 4}.get)

    assert rows["wrong"]["failed"] == "differs: 4 where 3 is expected"
    assert field.order == ["ours"]


@pytest.mark.parametrize("turn", range(4))
def test_every_turn_has_everybody(turn):
    assert sorted(in_turn(["a", "b", "c"], turn)) == ["a", "b", "c"]
