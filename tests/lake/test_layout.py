import pytest

from fabyield.errors import ConfigError
from fabyield.lake.layout import check_layout


def test_new_lake_is_marked_and_gone_on_with(tmp_path):
    check_layout(str(tmp_path / "lake"))
    (tmp_path / "lake" / "bronze" / "parts").mkdir(parents=True)

    check_layout(str(tmp_path / "lake"))

    assert (tmp_path / "lake" / "_layout").read_text() == "2\n"


@pytest.mark.parametrize(("mark", "layout"), [(None, 1), ("3", 3)])
def test_lake_of_another_version_is_refused_and_stays_as_it_is(tmp_path, mark, layout):
    (tmp_path / "silver" / "test_runs").mkdir(parents=True)
    if mark:
        (tmp_path / "_layout").write_text(mark)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(ConfigError, match=f"a lake of layout {layout}, but .* new lake"):
        check_layout(str(tmp_path))

    assert sorted(tmp_path.rglob("*")) == before
