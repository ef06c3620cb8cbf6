from datetime import UTC, date, datetime, timedelta

import pytest

from fabyield.transforms.gold.excursion import evidence, excursions, with_findings
from fabyield.transforms.shared.finding_sentence import names, sentence

NIGHT = date(2026, 3, 9)
START = datetime(2026, 3, 1, tzinfo=UTC)
SUSPECT = {
    **{"product_id": "P1", "insertion": "CP1", "factor_kind": "chamber", "process_step": "etch"},
    **{"level": "E1/B", "suspect_rank": 1, "since_lot": "K3", "until_lot": "K7", "lots_after": 0},
    **{"since_at": START, "until_at": START + timedelta(days=4), "affected_wafers": 20},
    **{"affected_lots": 5, "yield_pct": 85.0, "other_yield_pct": 96.0, "effect_points": -11.0},
    **{"q_value": 1e-9},
}


def counted(kind, subject, of, **figures):
    """What was counted of the wafers of an excursion, `of` it, or with None of the others."""
    given = {"excursion_id": of, "product_id": "P1", "insertion": "CP1", "kind": kind}
    blank = dict.fromkeys(("amount", "total", "mean", "spread", "sigma", "unit"))
    return {**given, "subject": subject, "wafers": 20, **blank, **figures}


def found_by(nights):
    """The excursion of a place over nights, each with a suspect's changes or without a suspect."""
    rows = []
    for number, changes in enumerate(nights):
        suspects = [] if changes is None else [SUSPECT | changes]
        rows = excursions(rows, suspects, NIGHT + timedelta(days=number))
    return [(row["excursion_id"], row["state"], row["first_found_on"].day) for row in rows]


def test_suspect_is_new_then_ongoing_with_the_same_identity_and_ends_without_a_suspect():
    identity = "P1 CP1 etch E1/B K3"

    assert found_by([{}]) == [(identity, "new", 9)]
    assert found_by([{}, {"since_lot": "K2"}]) == [(identity, "ongoing", 9)]
    assert found_by([{}, {}, None]) == [(identity, "ended", 9)]


def test_night_that_is_run_again_finds_the_same():
    first = excursions([], [SUSPECT], NIGHT)

    assert excursions(first, [SUSPECT], NIGHT) == first


def test_excursion_ends_when_lots_after_it_are_not_low():
    assert found_by([{}, {"lots_after": 3}]) == [("P1 CP1 etch E1/B K3", "ended", 9)]


def test_place_that_turns_bad_again_later_is_another_excursion():
    later = {"since_lot": "K20", "since_at": START + timedelta(days=9)}

    assert sorted(found_by([{}, None, later])) == [
        ("P1 CP1 etch E1/B K20", "new", 11),
        ("P1 CP1 etch E1/B K3", "ended", 9),
    ]


def test_zone_yields_are_of_all_die_and_the_worst_comes_first():
    rows = evidence(
        [
            counted("zone", "centre", "x", amount=96, total=100),
            counted("zone", "edge", "x", amount=60, total=100),
        ],
        [
            counted("zone", "edge", None, amount=190, total=200),
            counted("zone", "centre", None, amount=192, total=200),
        ],
    )

    assert [(r["subject"], r["value"], r["other_value"], r["difference"]) for r in rows] == [
        ("edge", 60.0, 95.0, -35.0),
        ("centre", 96.0, 96.0, 0.0),
    ]
    assert [row["evidence_rank"] for row in rows] == [1, 2]


def test_bins_that_take_more_die_are_shares_of_the_tested_die():
    mine = [counted("die", "", "x", amount=70, total=100)]
    others = [counted("die", "", None, amount=960, total=1000)]
    mine += [counted("hard_bin", n, "x", amount=a) for n, a in (("3 vth", 24), ("5 leak", 6))]
    others += [counted("hard_bin", n, None, amount=a) for n, a in (("3 vth", 10), ("5 leak", 50))]
    mine += [counted("hard_bin", "9 new", "x", amount=2)]

    rows = evidence(mine, others)

    assert [(row["subject"], row["value"], row["other_value"]) for row in rows] == [
        ("3 vth", 24.0, 1.0),
        ("9 new", 2.0, 0.0),
    ]


def test_test_moved_by_standard_deviations_of_the_die_of_unaffected_wafers():
    mine = [counted("test", "vth_01", "x", mean=0.44, spread=0.002, sigma=0.02, unit="V")]
    others = [counted("test", "vth_01", None, mean=0.42, spread=0.002, sigma=0.01, unit="V")]

    [row] = evidence(mine, others)

    assert row["difference"] == pytest.approx(2.0)
    # Welch's t of 20 and 20 wafers is 31.6.
    assert row["p_value"] < 1e-20


def test_test_whose_wafers_scatter_as_much_as_it_moved_is_no_evidence():
    mine = [counted("test", "vth_01", "x", mean=0.44, spread=0.05, sigma=0.01, unit="V")]
    others = [counted("test", "vth_01", None, mean=0.42, spread=0.05, sigma=0.01, unit="V")]

    assert evidence(mine, others) == []


def test_tests_in_another_unit_are_not_compared():
    mine = [counted("test", "vth_01", "x", mean=440.0, spread=0.2, sigma=1.0, unit="mV")]
    others = [counted("test", "vth_01", None, mean=0.42, spread=0.002, sigma=0.01, unit="V")]

    assert evidence(mine, others) == []


def test_finding_says_place_wafers_loss_start_zone_tests_and_what_comes():
    [excursion] = excursions([], [SUSPECT], NIGHT)
    identity = excursion["excursion_id"]
    rows = [
        counted("die", "", identity, amount=8_500, total=10_000),
        counted("zone", "edge", identity, amount=60, total=100),
        counted("zone", "edge", None, amount=190, total=200),
        counted("zone", "centre", identity, amount=96, total=100),
        counted("zone", "centre", None, amount=192, total=200),
        counted("test", "vth_01", identity, mean=0.44, spread=0.002, sigma=0.01),
        counted("test", "vth_01", None, mean=0.42, spread=0.002, sigma=0.01),
        counted("test", "vth_02", identity, mean=0.44, spread=0.002, sigma=0.01),
        counted("test", "vth_02", None, mean=0.42, spread=0.002, sigma=0.01),
    ]
    in_line = [{"excursion_id": identity, "lot_id": lot, "wafers": 6} for lot in ("K9", "K8")]
    bystander = {"product_id": "P1", "insertion": "CP1", "verdict": "bystander", "p_value": 1e-5}
    bystander |= {"explained_by": "chamber etch E1/B", "process_step": "cmp", "level": "C1/A"}

    [row], support = with_findings([excursion], rows, in_line, [bystander])

    assert row["finding"] == (
        "E1/B at etch: 20 wafers, -11.0 points at CP1 since K3, at the edge, vth_01..02 high; "
        "12 wafers in line went through it."
    )
    assert row["lost_good_die"] == pytest.approx(10_000 * 0.96 - 8_500)
    kinds = [(one["kind"], one["subject"]) for one in support if one["kind"] != "test"]
    assert ("bystander", "C1/A at cmp") in kinds
    assert kinds[-2:] == [("in_line_lot", "K8"), ("in_line_lot", "K9")]
    assert {one["excursion_id"] for one in support} == {identity}


def test_sentence_of_a_tester_without_evidence_is_whole():
    [excursion] = excursions([], [SUSPECT | {"factor_kind": "tester", "level": "T1"}], NIGHT)

    text = sentence(excursion | {"in_line_wafers": 0, "affected_wafers": 1}, [])

    assert text == "tester T1: 1 wafer, -11.0 points at CP1 since K3."


def test_excursion_of_an_earlier_night_stays_as_it_was():
    before = {"excursion_id": "x", "state": "ended", "finding": "It was so."}

    assert with_findings([before], [], [], []) == ([before], [])


@pytest.mark.parametrize(
    ("tests", "text"),
    [
        (["vth_02", "vth_01", "vth_04"], "vth_01..02, vth_04"),
        (["idd", "vth_9", "vth_10"], "idd, vth_9..10"),
        (["a1", "b1", "c1", "d1"], "a1, b1, c1 and 1 more"),
        (["1", "2", "3"], "1..3"),
    ],
)
def test_names_in_a_row_are_a_range(tests, text):
    assert names(tests) == text
