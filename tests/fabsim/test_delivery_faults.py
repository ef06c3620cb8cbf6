"""What goes wrong between testers and the landing zone: how often, and what it looks like there."""

import gzip
from collections import Counter
from dataclasses import replace

import pytest

from fabsim.calendar import DAY, HOUR
from fabsim.line.history import LineRun
from fabsim.plan.excursions import Dirt
from fabsim.testers.delivery_faults import (
    HEAD,
    MISSPELT,
    Change,
    Reason,
    apply_change,
    cut_transfer,
    draw_flaws,
    max_delay,
)
from fabyield.errors import FabYieldError
from fabyield.settings.settings import Settings
from fabyield.stdf.tools.name_rules import Naming
from tests.fabsim.fabs import is_share

SESSIONS, NIGHT, NAME = 4_000, 7, "a.stdf.gz"
RATES = Dirt(
    misspelt=0.1,
    duplicated=0.15,
    renamed=0.12,
    late=0.2,
    late_nights=(2, 5),
    truncated=0.3,
    redelivered=0.6,
    corrupt=0.1,
    clock=0.07,
)


@pytest.fixture(scope="module")
def built(tiny):
    return LineRun.until(replace(tiny, dirt=RATES), 1)


@pytest.fixture(scope="module")
def drawn(built):
    """The flaws of many sessions that were tested in one night, each on a tester of its own."""
    return [draw_flaws(built.plan, (0, 0, turn), turn, NIGHT, NAME) for turn in range(SESSIONS)]


def deliveries(drawn, reason):
    return [one for each in drawn for one in each.deliveries if one.reason is reason]


def test_a_session_without_dirt_is_delivered_once_whole_and_on_time(built):
    clean = replace(built.plan, dirt=Dirt())
    found = {draw_flaws(clean, (0, 0, turn), turn, NIGHT, NAME) for turn in range(200)}
    (only,) = found

    assert (only.spelling, only.clock_seconds) == (None, 0)
    ((night, name, change, reason),) = [tuple(vars(one).values()) for one in only.deliveries]
    assert (night, name, change, reason) == (NIGHT, NAME, Change.WHOLE, Reason.ON_TIME)


def test_wafers_are_misspelt_and_clocks_wrong_at_their_rates(drawn):
    wrong = [one.clock_seconds for one in drawn if one.clock_seconds]

    assert is_share(sum(one.spelling is not None for one in drawn), SESSIONS, 0.1)
    assert is_share(len(wrong), SESSIONS, 0.07)
    assert {one.spelling for one in drawn} == {None, *MISSPELT}
    assert set(wrong) == {-DAY, -HOUR, HOUR, 400 * DAY}


def test_a_clock_is_as_wrong_for_all_that_a_tester_tests_in_a_night(built):
    def clocks(nights):
        return [
            [draw_flaws(built.plan, (0, 0, n), 3, night, NAME).clock_seconds for n in range(5)]
            for night in nights
        ]

    assert all(len(set(one)) == 1 for one in clocks(range(100)))
    assert len({one[0] for one in clocks(range(100))}) > 2


@pytest.mark.parametrize(
    ("spelling", "is_mended"),
    [*((one, False) for one in MISSPELT), ("w{slot:02d} ", True), ("K1-{slot:02d}", True)],
)
def test_the_rules_for_wafer_ids_correct_usual_spellings_and_no_misspelt_one(spelling, is_mended):
    fab = Settings.load("dev").fab
    naming = Naming(fab.wafer_id_rules, fab.insertion_rules, fab.default_insertion)

    assert (naming.wafer(spelling.format(slot=7), "K1") == "07") == is_mended


def test_files_are_cut_or_damaged_at_their_rates(drawn):
    first = Counter(one.deliveries[0].change for one in drawn)

    assert is_share(first[Change.CUT] + first[Change.CUT_STREAM], SESSIONS, 0.3)
    assert is_share(first[Change.CORRUPT], SESSIONS, 0.1)
    assert is_share(first[Change.CUT], first[Change.CUT] + first[Change.CUT_STREAM], 0.5)


def test_late_files_come_as_many_nights_later_as_planned(drawn):
    late = deliveries(drawn, Reason.LATE)
    delays = Counter(one.night - NIGHT for one in late)

    assert is_share(len(late), SESSIONS, 0.2)
    assert set(delays) == {2, 3, 4, 5}
    assert all(is_share(count, len(late), 0.25) for count in delays.values())
    assert len(late) + len(deliveries(drawn, Reason.ON_TIME)) == SESSIONS


def test_some_cut_files_come_whole_the_next_night(drawn):
    cut = [one for one in drawn if one.deliveries[0].change in (Change.CUT, Change.CUT_STREAM)]
    mended = [
        one for one in cut if one.deliveries[1:2] and one.deliveries[1].reason is Reason.MENDED
    ]

    assert is_share(len(mended), len(cut), 0.6)
    assert len(mended) == len(deliveries(drawn, Reason.MENDED))
    for one in mended:
        before, after = one.deliveries[:2]
        assert (after.night, after.name, after.change) == (before.night + 1, NAME, Change.WHOLE)


def test_some_files_come_again_as_they_were_within_three_nights(drawn):
    able = [one for one in drawn if not any(d.reason is Reason.MENDED for d in one.deliveries)]
    again = [one for one in able if any(d.reason is Reason.AGAIN for d in one.deliveries)]
    pauses = {one.deliveries[1].night - one.deliveries[0].night for one in again}

    assert is_share(len(again), len(able), 0.15)
    assert pauses == {1, 2, 3}
    assert {one.deliveries[1].change for one in again} >= {Change.WHOLE, Change.CORRUPT}
    assert all(one.deliveries[1].change is one.deliveries[0].change for one in again)


def test_some_files_come_under_another_name_too(drawn):
    renamed = [one for one in drawn if one.deliveries[-1].reason is Reason.RENAMED]

    assert is_share(len(renamed), SESSIONS, 0.12)
    for one in renamed:
        first, copy = one.deliveries[0], one.deliveries[-1]
        assert (copy.name, copy.night, copy.change) == (
            f"copy_of_{NAME}",
            first.night,
            first.change,
        )


def test_no_file_comes_later_than_the_longest_delay(built, drawn):
    delays = [one.night - NIGHT for each in drawn for one in each.deliveries]

    assert 5 < max(delays) <= max_delay(built.plan) == 5 + 3
    assert max_delay(replace(built.plan, dirt=Dirt())) == 0


def test_a_cut_file_begins_as_the_whole_one_and_keeps_its_head(built):
    # So short that a tenth of it would cut the head.
    content = bytes(range(250)) * 8
    cut = [apply_change(built.plan, (0, 0, turn), Change.CUT, content) for turn in range(300)]
    streams = [cut_transfer(built.plan, (0, 0, turn), content) for turn in range(300)]

    for one in (*cut, *streams):
        assert content.startswith(one)
        assert HEAD <= len(one) <= 0.95 * len(content)
    assert len({len(one) for one in cut}) > 200


def test_a_damaged_file_differs_in_a_few_stretches_behind_its_head(built):
    content = bytes(10_000)
    for turn in range(100):
        damaged = apply_change(built.plan, (0, 0, turn), Change.CORRUPT, content)
        wrong = [place for place, byte in enumerate(damaged) if byte]

        assert len(damaged) == len(content)
        assert min(wrong) >= HEAD
        assert 0 < len(wrong) <= 4 * 200


def test_whole_files_are_as_the_tester_wrote_them(built):
    assert apply_change(built.plan, (0, 0, 0), Change.WHOLE, b"FAR and more") == b"FAR and more"


@pytest.fixture(scope="module")
def files(dirty_fab):
    return dirty_fab.true("files")


def content_of(fab, row):
    return gzip.decompress((fab.root / "landing" / "stdf" / row["path"]).read_bytes())


def first_of(files, row):
    """The delivery of the same session that came first, under its own name."""
    name = row["path"].split("/")[1].removeprefix("copy_of_")
    same = [one for one in files if one["path"].endswith(f"/{name}")]
    return min(same, key=lambda one: one["path"])


def test_every_change_and_every_reason_occurs(files):
    assert {row["change"] for row in files} == set(Change)
    assert {row["reason"] for row in files} == set(Reason)


def test_the_truth_lists_exactly_the_files_that_have_landed(dirty_fab, files):
    landed = {path: len(content) for path, content in dirty_fab.stdf().items()}

    assert landed == {row["path"]: row["delivered_bytes"] for row in files}
    assert len(files) == len(landed)
    assert all(row["path"].startswith(f"{row['night_on']}/") for row in files)


def test_only_cut_files_are_incomplete(dirty_fab, files):
    for row in files:
        if row["change"] != "corrupt":
            (complete,) = dirty_fab.read(row["path"]).file["is_complete"].to_pylist()
            assert complete == (row["change"] == "whole")


def test_a_broken_stream_cannot_be_unpacked_and_a_cut_file_can(dirty_fab, files):
    kinds = Counter(row["change"] for row in files)
    for row in files:
        if row["change"] == "cut_stream":
            with pytest.raises(EOFError):
                content_of(dirty_fab, row)
        else:
            assert len(content_of(dirty_fab, row)) == row["content_bytes"]
    assert min(kinds["cut"], kinds["cut_stream"]) > 3


def test_damaged_files_are_refused_in_part_or_as_a_whole(dirty_fab, files):
    wrong = [row for row in files if row["change"] == "corrupt"]
    outcomes = Counter()
    for row in wrong:
        try:
            tables = dirty_fab.read(row["path"])
        except FabYieldError:
            outcomes["refused"] += 1
            continue
        outcomes["in part"] += (
            tables.refused.num_rows > 0 or not tables.file["is_complete"][0].as_py()
        )
    # What is damaged may be a value, which nobody can see.
    assert outcomes.total() > 0.6 * len(wrong) > 3


def test_files_that_come_again_or_renamed_hold_the_same_bytes(dirty_fab, files):
    copies = [row for row in files if row["reason"] in ("again", "renamed")]
    assert len(copies) > 10
    for row in copies:
        first = first_of(files, row)
        assert first["path"] != row["path"]
        landing = dirty_fab.root / "landing" / "stdf"
        assert (landing / first["path"]).read_bytes() == (landing / row["path"]).read_bytes()


def test_mended_files_are_whole_and_continue_the_cut_ones(dirty_fab, files):
    mended = [row for row in files if row["reason"] == "mended"]
    assert len(mended) > 3
    for row in mended:
        cut, whole = first_of(files, row), content_of(dirty_fab, row)
        assert cut["night_on"] < row["night_on"]
        if cut["change"] == "cut":
            assert whole.startswith(content_of(dirty_fab, cut))
            assert len(whole) > cut["content_bytes"]


def test_late_files_come_after_the_night_of_their_test(dirty_fab, files):
    late = [row for row in files if row["reason"] == "late" and row["change"] == "whole"]
    clock = {
        (r["lot_id"], r["wafer_id"], r["insertion"]): r["clock_seconds"]
        for r in dirty_fab.true("yields")
    }
    for row in late:
        (head,) = dirty_fab.read(row["path"]).file.to_pylist()
        start = head["start_t"] - clock[row["lot_id"], row["wafer_id"], row["insertion"]]
        day = (row["night_on"].toordinal() - 719_163) * DAY
        assert 1 * DAY <= day - start // DAY * DAY <= 2 * DAY
    assert len(late) > 3


def test_misspelt_wafers_and_wrong_clocks_are_in_the_files(dirty_fab, files):
    told = {(r["lot_id"], r["wafer_id"], r["insertion"]): r for r in dirty_fab.true("yields")}
    wrong = {slot: {one.format(slot=slot) for one in MISSPELT} for slot in (1, 2)}
    starts, misspelt = {}, 0
    for row in files:
        if row["wafer_id"] and row["change"] == "whole":
            true = told[row["lot_id"], row["wafer_id"], row["insertion"]]
            tables = dirty_fab.read(row["path"])
            assert tables.wafers["wafer_id"].to_pylist() == [true["spelt_wafer_id"]]
            assert tables.file["lot_id"].to_pylist() == [true["spelt_lot_id"]]
            assert true["misspelt"] == (true["spelt_wafer_id"] in wrong[int(row["wafer_id"])])
            misspelt += true["misspelt"]
            starts[true["clock_seconds"]] = tables.file["start_t"][0].as_py()
    assert misspelt > 3
    # Four nights are all within the days of a fortnight; a clock 400 days fast is not.
    assert starts[400 * DAY] - starts[0] > 390 * DAY


def test_renamed_lots_are_in_names_files_database_and_truth(dirty_fab, files):
    events = dirty_fab.true("lots")
    history = dirty_fab.query("select event, from_lot_id, to_lot_id, wafer_id from lot_history")
    last = {}
    for row in sorted(events, key=lambda row: row["happened_at"]):
        last[row["from_lot_id"].split(".")[0].removesuffix("R"), row["wafer_id"]] = row["to_lot_id"]
    told = {(w["lot_id"], w["wafer_id"]): w["sorted_lot_id"] for w in dirty_fab.true("wafers")}

    assert {row["event"] for row in events} == {"split", "merge", "renumber"}
    assert sorted(history) == sorted(
        (r["event"], r["from_lot_id"], r["to_lot_id"], r["wafer_id"]) for r in events
    )
    assert told == {key: last.get(key, key[0]) for key in told}
    assert any(
        f"_{name}_" in row["path"] for row in files for name in told.values() if name[-1] == "R"
    )
