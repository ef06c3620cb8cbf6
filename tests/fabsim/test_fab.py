"""A fab delivers the same whoever does the work, and hides its truth."""

from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fabsim import Destination, in_processes, simulate
from fabsim.plan.excursions import Dirt, Kind
from fabsim.plan.final_test import FinalTest
from fabsim.truth import SCHEMAS
from fabyield.errors import ConfigError
from fabyield.readers.landing import listed
from tests.fabsim.fabs import ETCH, Fab, excursion, small, with_excursion

NIGHTS = range(1, 4)
DIRT = Dirt(
    late=0.5, late_nights=(1, 1), truncated=0.3, duplicated=0.3, split=0.5, sensor_stuck=0.1
)


@pytest.fixture(scope="module")
def least(plan):
    """Two lots a night of two wafers, with all that could tell one delivery from another."""
    few = small(plan).changed(lots_per_night=2, wafers_per_lot=2)
    place = ETCH | {"sensor": "rf_power"}
    drift = excursion(Kind.DRIFTING_SENSOR, place, until_night=20, drift=1.0)
    return replace(with_excursion(few, drift), dirt=DIRT)


@pytest.fixture(scope="module")
def at_once(least, tmp_path_factory):
    return delivered(least, tmp_path_factory.mktemp("once"), [NIGHTS])


def delivered(plan, root, several, cores=1):
    fab = Fab(plan, root, NIGHTS)
    for nights in several:
        fab.deliver(nights, cores)
    return fab


def test_two_processes_deliver_the_same_as_one(least, at_once, tmp_path):
    two = delivered(least, tmp_path, [NIGHTS], cores=2)

    assert two.everything() == at_once.everything()
    assert two.dump() == at_once.dump()


def test_nights_delivered_one_by_one_equal_those_delivered_at_once(least, at_once, tmp_path):
    apart = delivered(least, tmp_path, [range(night, night + 1) for night in NIGHTS])

    assert apart.everything() == at_once.everything()
    assert apart.dump() == at_once.dump()
    assert {row["reason"] for row in apart.true("files")} > {"on_time", "late"}


def test_a_night_delivered_again_is_the_same(least, at_once, tmp_path):
    again = delivered(least, tmp_path, [NIGHTS, range(3, 4)])

    assert again.everything() == at_once.everything()
    assert again.dump() == at_once.dump()


def test_another_seed_gives_other_measurements(least, at_once, tmp_path):
    other = delivered(least.changed(seed=1), tmp_path, [NIGHTS])

    assert not set(other.stdf().values()) & set(at_once.stdf().values())
    assert other.dump() != at_once.dump()
    assert other.true("yields") != at_once.true("yields")


def test_every_night_has_its_folder_and_every_tool_its_files(at_once):
    paths = at_once.everything()
    tools = {one.equipment_id for one in at_once.built.tools.chambers}
    nights = ["2026-03-02", "2026-03-03", "2026-03-04"]

    assert {path.split("/")[0] for path in at_once.stdf()} == set(nights)
    for kind, ending in (("sensors", "parquet"), ("logs", "log")):
        mine = {path for path in paths if path.startswith(f"{kind}/")}
        assert mine == {f"{kind}/{night}/{tool}.{ending}" for night in nights for tool in tools}


def test_the_pipeline_finds_the_files_and_none_of_the_truth(at_once):
    landing = at_once.root / "landing"
    found = {file.path for file in listed(str(landing))}

    assert found == {row["path"] for row in at_once.true("files")}
    assert all(path.endswith(".stdf.gz") for path in found)
    assert {path.name for path in landing.iterdir()} == {"stdf", "sensors", "logs"}


def test_the_landing_zone_does_not_contain_the_truth(at_once):
    landing = at_once.root / "landing"
    columns = {c for path in landing.rglob("*.parquet") for c in pq.read_schema(path).names}
    told = {"cause", "caught_at", "pattern", "bad_die", "escaped_die", "excursions", "fault"}
    logs = "".join(path.read_text() for path in landing.rglob("*.log"))

    assert told <= {name for schema in SCHEMAS.values() for name in schema.names}
    assert len(columns) > 5
    assert not told & columns
    assert len(logs) > 10_000
    assert not [one.name for one in at_once.plan.excursions if one.name in logs]
    assert {path.suffix for path in landing.rglob("*.*")} == {".gz", ".parquet", ".log"}


def test_an_earlier_night_delivered_again_removes_no_data(least, at_once, tmp_path):
    again = delivered(least, tmp_path, [NIGHTS, range(1, 2)])

    assert again.everything() == at_once.everything()
    assert again.dump() == at_once.dump()


def test_a_gap_between_nights_is_refused(least, tmp_path):
    with pytest.raises(ConfigError, match=r"night 2: .*truth has 0 nights; deliver night 1"):
        simulate(least, Destination.in_folder(str(tmp_path)), range(2, 3), in_processes(1))
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_another_fab_or_of_no_night_is_refused(least, tmp_path):
    first = delivered(least, tmp_path / "first", [range(1, 2)])
    own = f"sqlite:///{first.root}/fab.db"

    with pytest.raises(ConfigError, match=r"fab.db: it has the lots of another fab"):
        simulate(least, Destination.in_folder(f"{tmp_path}/b", own), range(1, 2), in_processes(1))
    other = Destination.in_folder(str(first.root), f"sqlite:///{tmp_path}/new.db")
    with pytest.raises(ConfigError, match=r"new.db: the earlier nights are missing"):
        simulate(least, other, range(2, 3), in_processes(1))


def test_an_unreadable_plan_record_is_refused_with_its_path(least, tmp_path):
    (tmp_path / "truth").mkdir()
    (tmp_path / "truth" / "plan.json").write_text("{")

    with pytest.raises(ConfigError, match=r"plan.json: not the plan of a fab"):
        simulate(least, Destination.in_folder(str(tmp_path)), range(1, 2), in_processes(1))


def test_folders_may_have_any_name(least, tmp_path):
    root = tmp_path / "a?b%20c#d ü"
    delivered(least.changed(lots_per_night=1, wafers_per_lot=1), root, [range(1, 2)])

    assert {path.name for path in root.iterdir()} == {"landing", "truth", "fab.db"}


def test_a_fab_keeps_the_plan_of_its_first_night(least, at_once, tmp_path):
    fab = delivered(least, tmp_path, [range(1, 2)])
    before = fab.everything()

    for other, reason in (
        (least.changed(seed=1), f"plan.seed was {least.seed}, and is 1"),
        (least.changed(lots_per_night=9), r"plan.line.lots_per_night was \d, and is 9"),
        (replace(least, route=least.route[1:]), "plan.route was"),
        (replace(least, final_test=FinalTest(testers=2)), "plan.json: .* another plan"),
    ):
        with pytest.raises(ConfigError, match=reason):
            simulate(other, Destination.in_folder(str(tmp_path)), range(2, 3), in_processes(1))
    assert fab.everything() == before


@pytest.mark.parametrize("truth", ["landing", "landing/truth", "landing/stdf", "landing/stdf/t"])
def test_truth_inside_landing_is_refused_before_anything_is_written(least, tmp_path, truth):
    out = Destination(f"{tmp_path}/landing", f"{tmp_path}/{truth}", f"sqlite:///{tmp_path}/fab.db")

    with pytest.raises(ConfigError, match=r"is inside .*landing"):
        simulate(least, out, range(1, 2), in_processes(1))
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_database_is_refused_before_anything_is_delivered(tmp_path):
    with pytest.raises(ConfigError, match="mysql is none of"):
        Destination.in_folder(str(tmp_path), "mysql://host/fab")


@pytest.mark.parametrize("nights", [range(1, 1), range(3), range(99_999, 100_002)])
def test_a_night_before_the_first_or_none_or_too_late_is_refused(least, tmp_path, nights):
    with pytest.raises(ConfigError, match="use at least 1, from 1 to 100,000"):
        simulate(least, Destination.in_folder(str(tmp_path)), nights, in_processes(1))


def test_where_things_go_is_worked_out_from_one_folder():
    out = Destination.in_folder("/data/fab/")

    assert (out.landing, out.truth) == ("/data/fab/landing", "/data/fab/truth")
    assert out.database == "sqlite:////data/fab/fab.db"
    assert (
        Destination.in_folder("s3://bucket/fab", "postgresql://host/fab").truth
        == "s3://bucket/fab/truth"
    )
    with pytest.raises(ConfigError, match="SQLite needs a disk; give the URL"):
        Destination.in_folder("s3://bucket/fab")


def test_the_summary_counts_what_has_been_delivered(least, tmp_path):
    calls = []
    out = Destination.in_folder(str(tmp_path))
    summary = simulate(least, out, range(1, 2), in_processes(1), lambda *one: calls.append(one))
    told = dict(summary.rows())
    files = list(tmp_path.rglob("*.stdf.gz"))

    assert told["files: stdf"] == str(len(files))
    assert told["files: tool files"] == str(2 * 42)
    assert calls[-1][0] == calls[-1][1] == len(calls)
    assert calls[-1][2] == summary.content_bytes > 10_000


def test_the_database_does_not_get_a_night_without_its_files(least, tmp_path, monkeypatch):
    def fails(work, units):
        yield work.run(units[0])
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        simulate(least, Destination.in_folder(str(tmp_path)), range(1, 2), fails)
    assert not Path(tmp_path, "fab.db").exists()
    assert not list(tmp_path.rglob("*.part"))
