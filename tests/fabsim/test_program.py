from collections import Counter

import numpy as np
import pytest

from fabsim.plan.program import probe_card, program
from tests.fabsim.fabs import CP1, CP2, FT1, with_insertions


def test_tests_are_spread_over_the_groups_and_named_after_them(plan):
    tests = program(plan, CP1)
    counts = Counter(name.rpartition("_")[0] for name in tests.test_txt)

    assert counts["contact"] == 3
    assert sorted(counts.values()) == [3, 7, 7, 7, 8, 8]
    assert len(set(tests.test_txt)) == len(tests.test_txt) == 40
    assert tests.test_txt[:4] == ["contact_01", "contact_02", "contact_03", "vth_01"]


def test_no_test_number_means_two_tests_of_one_insertion(plan):
    for number, first in ((CP1, 1000), (CP2, 2000), (FT1, 5000)):
        one = program(plan, number)
        numbers = [*one.test_num, *one.functional_num, one.multi_num]

        assert len(set(numbers)) == len(numbers)
        assert (numbers[0], numbers[1], one.multi_num) == (first, first + 10, first + 9000)


def test_limits_are_six_and_a_half_sigmas_off_nominal(plan):
    one = program(plan, CP1)
    vth, leak = one.test_txt.index("vth_02"), one.test_txt.index("leak_01")

    # vth: 0.42 V and 2 % more for the second test; leak has no low limit.
    assert one.nominal[vth] == pytest.approx(0.4284)
    assert one.lo_limit[vth] == np.float32(0.3504)
    assert one.hi_limit[vth] == np.float32(0.5064)
    assert one.hi_limit[leak] == np.float32(4.8e-8)
    assert np.isnan(one.lo_limit[leak])


def test_the_least_number_of_tests_leaves_no_group_without_one(plan):
    least = with_insertions(plan, tests=8)

    assert (program(least, CP1).tests_of_group > 0).all()


def test_every_tester_has_a_probe_card_of_its_own_for_each_insertion(plan):
    cards = [probe_card(plan, *place) for place in ((CP1, 7), (CP1, 8), (CP2, 7))]

    assert [card.shape for card in cards] == [(4, 40), (4, 40), (4, 15)]
    assert not (cards[0] == cards[1]).any()
    assert not (cards[0][:, :15] == cards[2]).any()
