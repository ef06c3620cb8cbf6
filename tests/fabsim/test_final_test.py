"""Lots of packages tested by the habits of real test floors: yields by our rules, and the truth."""

import re
from dataclasses import dataclass, replace

import pytest

from fabsim import Plan
from fabsim.line.history import LineRun
from fabsim.plan.final_test import Ecid, FinalTest, Heap, Mark, Numbering, PackageXy
from fabsim.testers.sessions import Session, sessions
from fabsim.testers.write_stdf import stdf_file
from fabsim.truth import yield_row
from fabyield.stdf.reader import batches
from fabyield.stdf.tools.outline import Outline, outline
from fabyield.stdf.tools.retest import PartRules, touchdowns
from fabyield.stdf.tools.sessions import files_that_count, parts_of, runs_of
from fabyield.stdf.tools.to_parquet import Rules, to_parquet
from tests.fabsim.fabs import FT1, Fab, packages_plan, packages_tested
from tests.stdf.test_cases import NAMING

ONE = FinalTest(ecid=Ecid.NONE, package_xy=PackageXy.ZERO)
ANEW = replace(ONE, rescreens=1, rescreen_numbering=Numbering.ANEW)
TWICE = replace(ANEW, rescreens=2)
OF_LOT = {"testers": 2, "rescreen_of": Heap.LOT}
KNOWN_BY_ID = {
    "rejects again in the session": ONE,
    "sites number alone, rejects again at their site": replace(ONE, sites_number_alone=True),
    "rescreen by its first numbers": replace(ONE, rescreens=1),
    "two rescreens by their first numbers, flagged only": replace(
        ONE, rescreens=2, rescreen_marks=(Mark.PART_FLG,)
    ),
    "testers number alone": replace(ONE, testers=3),
    "engineering runs": replace(ONE, engineering_runs=("E", "D")),
}
KNOWN_BY_ORIGIN = {
    "ECID over rescreens anew": replace(TWICE, ecid=Ecid.COORDINATES),
    "ECID over all at once": replace(
        TWICE, testers=2, sites_number_alone=True, ecid=Ecid.COORDINATES, engineering_runs=("E",)
    ),
    "flagged ECID where sites number alone": replace(
        ANEW, ecid=Ecid.COORDINATES, sites_number_alone=True, rescreen_marks=(Mark.PART_FLG,)
    ),
}
COUNTED = {
    "rescreen anew, RDR": replace(ANEW, rescreen_marks=(Mark.RDR,)),
    "rescreen anew, RTST_COD": replace(ANEW, rescreen_marks=(Mark.RTST_COD,)),
    "rescreen anew, PART_FLG": replace(ANEW, rescreen_marks=(Mark.PART_FLG,)),
    "rescreens anew of the lot": replace(TWICE, **OF_LOT),
    "each tester's rescreens anew": replace(TWICE, testers=3),
    "each tester's rescreens by first numbers": replace(ONE, rescreens=1, testers=2),
    "sites alone, rescreen anew": replace(ANEW, sites_number_alone=True),
    "sites alone, flagged rescreens": replace(
        TWICE, sites_number_alone=True, rescreen_marks=(Mark.PART_FLG,)
    ),
    "sites alone, rescreens anew, two testers": replace(TWICE, testers=2, sites_number_alone=True),
    "ECID without coordinates, unknown to the rule": replace(ANEW, ecid=Ecid.ID),
    "all at once": replace(TWICE, **OF_LOT, sites_number_alone=True, engineering_runs=("E", "Q")),
}
ALL = KNOWN_BY_ID | KNOWN_BY_ORIGIN | COUNTED
RULES = PartRules()
# Lot, wafer, no x, no y, and the ID, by which packages of a wafer are told apart.
ID_RULE = r"^([^/]+)/([^/]+)/()()([0-9]+)$"


@dataclass(frozen=True)
class Floor:
    """A lot's sessions with their files, in order of delivery."""

    sessions: list[Session]
    outlines: list[Outline]

    @property
    def truth(self):
        row = yield_row(self.sessions[0])
        return row["tested_die"], row["first_pass_die"], row["good_die"]

    def yields(self, out, parts=RULES):
        done = to_parquet(self.outlines, out, Rules(NAMING, parts), batches)
        return done.tested_die, done.first_pass_die, done.final_pass_die

    def turns(self, rules=RULES):
        """Each production touch-down: its package in truth, first row of its part found, how."""
        sources, _ = files_that_count(self.outlines, NAMING, rules.engineering_modes)
        turns = touchdowns(parts_of(sources), runs_of(sources, NAMING), rules)
        counts = [one for one in self.sessions if one.run.mode_cod == "P"]
        true = [part for one in counts for part in one.touches.part.tolist()]
        found = turns["first_row"].to_pylist(), turns["identified_by"].to_pylist()
        return list(zip(true, *found, strict=True))

    def headers(self, name):
        return [one.header[name] for one in self.outlines]


@pytest.fixture(scope="module")
def base() -> Plan:
    """One lot of some eighty packages, a third of which fail at first."""
    return packages_plan()


@pytest.fixture(scope="module")
def floor(base, tmp_path_factory):
    """`floor(habits)`: the files of the lot, tested by these habits."""
    line, made = LineRun.until(base, 1), {}

    def make(habits: FinalTest) -> Floor:
        if habits not in made:
            plan, folder = replace(base, final_test=habits), tmp_path_factory.mktemp("lot")
            files = packages_tested(replace(line, plan=plan), folder)
            made[habits] = Floor(list(files.values()), [outline(path) for path in files])
        return made[habits]

    return make


@pytest.mark.parametrize("habit", ALL)
def test_yields_agree_with_the_truth_whatever_the_habits(floor, tmp_path, habit):
    lot = floor(ALL[habit])

    tested, first, good = lot.truth
    assert tested > good + 5 > first + 10 > 60
    assert lot.yields(tmp_path) == lot.truth
    assert lot.yields(tmp_path, PartRules("flag")) == lot.truth


@pytest.mark.parametrize("habit", KNOWN_BY_ID | KNOWN_BY_ORIGIN)
def test_single_packages_are_known_where_something_names_them(floor, habit):
    turns = floor(ALL[habit]).turns()

    pairs = {(true, found) for true, found, _ in turns}
    assert len(pairs) == len({true for true, _ in pairs}) == len({found for _, found in pairs})
    if habit in KNOWN_BY_ORIGIN:
        assert {how for *_, how in turns} == {"origin"}


@pytest.mark.parametrize("habit", COUNTED)
def test_packages_that_nothing_names_are_counted(floor, habit):
    found = {how for *_, how in floor(ALL[habit]).turns()}

    assert "rescreen_count" in found
    assert not found & {"origin", "unclear"}


@pytest.mark.parametrize("numbering", Numbering)
def test_rescreen_that_nothing_marks_is_said_to_be_unclear(floor, tmp_path, numbering):
    lot = floor(replace(ANEW, rescreen_numbering=numbering, rescreen_marks=()))
    again = len(lot.sessions[1].touches.part)

    tested, first, good = lot.truth
    recovered = good - first
    assert lot.yields(tmp_path) == (tested + again, first + recovered, good)
    assert [how for *_, how in lot.turns()].count("unclear") == again


def test_id_without_coordinates_names_packages_by_the_rule_of_the_fab(floor, tmp_path):
    lot = floor(replace(TWICE, testers=2, sites_number_alone=True, ecid=Ecid.ID))
    rules = PartRules(origin_pattern=ID_RULE)

    assert lot.yields(tmp_path, rules) == lot.truth
    assert {how for *_, how in lot.turns(rules)} == {"origin"}
    assert len({(true, found) for true, found, _ in lot.turns(rules)}) == lot.truth[0]


def test_engineering_runs_would_change_the_yields_if_they_counted(floor, tmp_path):
    lot = floor(KNOWN_BY_ORIGIN["ECID over all at once"])
    counting = lot.yields(tmp_path, PartRules(engineering_modes=()))

    assert counting[0] == lot.truth[0]
    assert counting[2] < lot.truth[2]


def test_habits_do_not_change_what_is_true(floor):
    usual = floor(FinalTest()).truth

    assert {floor(habits).truth for habits in ALL.values() if habits.rescreens == 1} == {usual}
    assert floor(TWICE).truth[:2] == usual[:2]
    assert floor(TWICE).truth[2] > usual[2]


# What the files of each habit say.


def test_testers_share_a_lot_at_the_same_time_and_number_from_1(floor):
    lot = floor(replace(ONE, testers=3))
    spans = list(zip(lot.headers("start_t"), lot.headers("finish_t"), strict=True))
    ids = [one.tables.parts["part_id"].to_pylist() for one in lot.outlines]

    assert lot.headers("node_nam") == ["ft-a01", "ft-a02", "ft-a03"]
    assert max(start for start, _ in spans) < min(end for _, end in spans)
    assert {one[0] for one in ids} == {"1"}
    assert sum(len(set(one)) for one in ids) == lot.truth[0]


def test_a_rescreen_says_so_by_its_marks_and_names_the_bins_of_its_rejects(floor):
    lot = floor(replace(TWICE, rescreen_marks=tuple(Mark)))
    first, second, _ = (one.tables.parts.to_pylist() for one in lot.outlines)
    rejects = {part["hard_bin"] for part in first if not part["part_pass"]}

    assert lot.headers("rtst_cod") == [None, "1", "2"]
    assert lot.headers("retest_bins")[:2] == [None, sorted(rejects)]
    assert {part["part_flg"] & 1 for part in first} == {0}
    assert {part["part_flg"] & 1 for part in second} == {1}
    assert [part["part_id"] for part in second] == [str(1 + n) for n in range(len(second))]
    assert lot.headers("start_t")[1] > lot.headers("finish_t")[0]


def test_a_rescreen_of_the_lot_waits_for_all_testers(floor):
    lot = floor(replace(ANEW, **OF_LOT))

    assert lot.headers("node_nam") == ["ft-a01", "ft-a02", "ft-a01"]
    assert lot.headers("start_t")[2] > max(lot.headers("finish_t")[:2])


def test_sites_that_number_alone_each_begin_with_1(floor):
    (file,) = floor(replace(ONE, sites_number_alone=True)).outlines
    numbers = {}
    for part in file.tables.parts.to_pylist():
        if not part["part_flg"] & 1:
            numbers.setdefault(part["site_num"], []).append(int(part["part_id"]))

    assert len(numbers) == 8
    assert all(mine == list(range(1, len(mine) + 1)) for mine in numbers.values())


@pytest.mark.parametrize(
    ("ecid", "text"),
    [(Ecid.COORDINATES, r"K1001/0[12]/-?\d+/-?\d+"), (Ecid.ID, r"K1001/0[12]/\d+")],
)
def test_a_package_names_its_die_as_the_habit_is(floor, ecid, text):
    parts = floor(replace(ONE, ecid=ecid)).outlines[0].tables.parts

    assert all(re.fullmatch(text, one) for one in parts["part_txt"].to_pylist())
    assert set(parts["x_coord"].to_pylist()) == {0}


def test_engineering_runs_say_their_mode_and_begin_while_the_lot_is_tested(floor):
    lot = floor(replace(ANEW, engineering_runs=("E", "D")))
    starts = lot.headers("start_t")

    assert lot.headers("mode_cod") == ["P", "E", "P", "D"]
    assert starts == sorted(starts)


def test_a_fab_delivers_every_session_and_one_true_yield_of_each_lot(base, tmp_path):
    habits = replace(TWICE, **OF_LOT, engineering_runs=("E",))
    late = replace(base.dirt, late=0.5, late_nights=(1, 1))
    fab = Fab(replace(base, final_test=habits, dirt=late), tmp_path, range(1, 6))
    for night in fab.nights:
        fab.deliver(range(night, night + 1))
    lots = [row["spelt_lot_id"] for row in fab.true("yields") if row["insertion"] == "FT1"]
    files = [
        row["path"].partition("_ft1")[2] for row in fab.true("files") if "A1001" in row["path"]
    ]

    assert len(lots) == len(set(lots)) > 0
    assert {"A1001"} <= set(lots)
    assert sorted(name.partition(".")[0] for name in files) == ["", "_e2", "_rt1", "_rt2", "_t2"]


def test_a_session_is_the_same_whichever_sessions_of_its_lot_are_due(base):
    late = replace(base.dirt, late=0.5, late_nights=(1, 1))
    built = LineRun.until(replace(base, final_test=FinalTest(testers=2), dirt=late), 9)
    alone = 0
    for lot in built.lots[3:8]:
        whole = {one.run.place: stdf_file(one) for one in sessions(built, lot, FT1)}
        for night in range(4, 13):
            due = list(sessions(built, lot, FT1, range(night, night + 1)))
            assert all(stdf_file(one) == whole[one.run.place] for one in due)
            alone += [one.run.place for one in due] == [1]
    assert alone > 0
