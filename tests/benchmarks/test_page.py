"""The page of docs and the pictures follow from the results."""

from xml.etree import ElementTree

import pytest

from benchmarks.__main__ import BENCHES, PAGE, SCALE
from benchmarks.harness import results
from benchmarks.harness.page import page
from benchmarks.harness.picture import Group, picture
from benchmarks.harness.tables import Table, markdown
from benchmarks.join.contenders import CONTENDERS
from benchmarks.queries.layouts import LAYOUTS, WRITINGS
from benchmarks.scale.page import page as scale

ABOUT = {
    "at": "2026-01-02T03:04:05",
    "machine": {"processor": "P", "cores": 2, "memory_gib": 4, "system": "Linux"},
    "versions": {"python": "3"},
    "size": {"times": [1, 10]},
}
RAN = {"cpu_seconds": 9.0, "session_seconds": 5.0, "peak_mib": 700.0, "median_seconds": 6.0}
RAN |= {"read_mb": 0.0, "written_mb": 80.0}


def ran(name, seconds, ratio, **more):
    return {"case": "1,000 results", "name": name, "seconds": seconds, "times_ours": ratio} | (
        RAN | more
    )


def told(name, **more):
    return page([(BENCHES[name], {**ABOUT, **more})], "../results")


def test_page_in_docs_is_what_the_results_say():
    kept = [(bench, results.load(bench, results.KEPT)) for bench in BENCHES.values()]

    assert PAGE.read_text() == page(kept, "../benchmarks/results")


def test_scale_in_docs_is_what_the_nights_say():
    assert SCALE.read_text() == scale(results.load(BENCHES["night"], results.KEPT))


def test_results_are_of_all_that_the_code_does_now():
    """A page of a way that is gone tells of another program."""
    kept = {name: results.load(BENCHES[name], results.KEPT) for name in ("join", "queries")}
    asked = kept["queries"]
    joined = {row["name"] for row in kept["join"]["contenders"]}

    assert joined == set(CONTENDERS)
    assert [row["case"] for row in asked["layouts"]] == list(LAYOUTS)
    assert [row["case"] for row in asked["writings"]] == list(WRITINGS)


def test_terabyte_is_computed_from_what_a_mb_adds():
    def night(mb, seconds, steps, **more):
        named = {"name": "nightly", "case": "-", "peak_mib": 4096}
        return named | {"mb": mb, "seconds": seconds, "stages": steps} | more

    small = night(100, 110.0, {"a": 30.0, "b": 5.0}, shuffle_mb=10, lake_mb={"gold": 1})
    large = night(300, 150.0, {"a": 60.0, "b": 15.0}, shuffle_mb=50, lake_mb={"gold": 5})

    told = scale({**ABOUT, "versions": {"fabyield": "c"}, "contenders": [large, small]})

    # 30 s and 10 s more on 2 cores for 200 MB: 0.4 core-seconds a MB, 111.1 core-hours a TB.
    assert "| a | 300.0 | 83.3 | 75 |" in told
    assert "| b | 100.0 | 27.8 | 25 |" in told
    # 90 s of each night are fixed, so that 4 h leave 3.975 h.
    assert "| 4 h | 28 | 56 | 0.01 |" in told
    assert "| shuffled | 0.200 | 200 |  |" in told
    assert "| stored, gold | 0.020 | 20 | 7 |" in told


def test_join_is_told_with_its_floor_and_who_failed():
    rows = [ran("fabyield", 5.0, 1.0), ran("Spark scan", 2.0, 0.4)]
    rows += [{"case": "1,000 results", "name": "pandas", "failed": "not run: no memory"}]

    text = told("join", contenders=rows)

    assert "2026-01-02; P, 2 cores, 4 GiB, Linux; python 3." in text
    assert "![Test results joined to their wafers](../results/join.svg)" in text
    assert "| 1,000 results | fabyield | 5.00 | 6.00 | 9.00 | 5.0 | 700 | 1.00 |" in text
    assert "| 1,000 results | pandas | not run: no memory |" in text
    assert "Spark needs 2.00 s (40 %)" in text
    assert "90 % of 2 cores in use, so bound by the processor" in text


def test_night_is_told_by_its_steps_and_by_what_a_megabyte_adds():
    stages = {"stdf_files": 30.0, "report": 10.0}
    small = ran("nightly", 50.0, 1.0, case="small", mb=10.0, stages=stages)
    large = ran("nightly", 90.0, 1.0, case="large", mb=50.0, stages=stages)
    rows = [
        {**row, "rows": 5, "seconds_per_mb": row["seconds"] / row["mb"]} for row in (small, large)
    ]

    text = told("night", contenders=rows)

    assert "A night has a fixed cost of 40 s, plus 1.000 s for each MB" in text
    assert "`stdf_files` 75 %, `report` 25 % of the steps' time" in text
    assert "| stdf_files | 30.0 | 75 | 30.0 | 75 |" in text


def test_history_is_told_by_the_steps_that_grow():
    first = ran("1x", 10.0, 1.0, cpu_times_ours=1.0, rows=5, stages={"wafers": 4.0, "report": 6.0})
    last = ran("10x", 20.0, 2.0, cpu_times_ours=1.5, rows=5, stages={"wafers": 4.1, "report": 15.0})

    text = told("history", contenders=[first, last])

    assert "20.0 s in place of 10.0 s after 1x: 2.00 times as long" in text
    assert "with 1.50 times the processor time" in text
    assert "times as long: `report` 6.0 to 15.0 s." in text
    assert "| report | 6.0 | 1.00 | 15.0 | 2.50 |" in text


def test_a_bench_that_was_never_run_says_so():
    assert "Not measured yet: `make bench NAME=join`." in page([(BENCHES["join"], {})], "")


@pytest.mark.parametrize("bench", BENCHES.values(), ids=list(BENCHES))
def test_a_bench_in_which_all_failed_can_be_told(bench):
    row = {"case": "c", "file": "f", "file_mb": 1, "mb": 1.0, "name": "fabyield", "failed": "x"}

    found = {**ABOUT, "race_at": ABOUT["at"], "kinds": ["f"], "contenders": [row]}

    assert "| x |" in page([(bench, found)], "")
    assert picture(bench.groups(found), bench.title)


def test_figures_stand_to_the_right():
    assert markdown(Table("t", ["case", "s"], [["a", "1"]])) == [
        "| case | s |",
        "| --- | ---: |",
        "| a | 1 |",
    ]


def test_bars_are_as_long_as_their_seconds_and_ours_stands_out():
    rows = [ran("fabyield", 1.0, 1.0), ran("pandas", 4.0, 4.0), {"name": "x", "failed": "y"}]

    drawn = ElementTree.fromstring(picture([Group("all", rows, "fabyield")], "seconds"))

    bars = [part for part in drawn.iter() if part.tag.endswith("rect")]
    assert [bar.get("class") for bar in bars] == ["ours", "bar"]
    assert float(bars[1].get("width")) == 4 * float(bars[0].get("width"))
    assert "prefers-color-scheme: dark" in ElementTree.tostring(drawn, "unicode")
