from concurrent.futures import ThreadPoolExecutor

import pytest

from fabyield.errors import ConfigError
from fabyield.lake.layout import check_layout, mark_layout


def test_new_lake_is_marked_once(tmp_path):
    mark_layout(str(tmp_path / "lake"))
    (tmp_path / "lake" / "bronze" / "parts").mkdir(parents=True)

    check_layout(str(tmp_path / "lake"))

    assert (tmp_path / "lake" / "_layout").read_text() == "2\n"


@pytest.mark.parametrize("make", [check_layout, mark_layout])
@pytest.mark.parametrize(("mark", "layout"), [(None, 1), ("3", 3)])
def test_lake_of_another_version_is_refused_and_stays_as_it_is(tmp_path, mark, layout, make):
    (tmp_path / "silver" / "test_runs").mkdir(parents=True)
    if mark:
        (tmp_path / "_layout").write_text(mark)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(ConfigError, match=f"a lake of layout {layout}, but .* new lake"):
        make(str(tmp_path))

    assert sorted(tmp_path.rglob("*")) == before


def test_f03_writers_that_mark_a_new_lake_at_once_leave_a_whole_mark(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(mark_layout, [str(tmp_path / f"{turn // 8}") for turn in range(400)]))

    marks = list(tmp_path.glob("*/*"))
    assert {(mark.name, mark.read_text()) for mark in marks} == {("_layout", "2\n")}
    assert len(marks) == 50
