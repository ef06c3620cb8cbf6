from pathlib import Path
from xml.etree import ElementTree

from fabyield.pipeline.steps import declared, steps
from fabyield.reports.lineage import direct_only, draw_lineage

PICTURE = Path(__file__).parents[2] / "docs" / "lineage.svg"


def test_picture_in_docs_is_of_the_steps_as_they_are():
    """Where it is not: make lineage."""
    assert PICTURE.read_text() == draw_lineage({name: declared()[name] for name in steps()})


def test_every_step_and_every_table_that_one_writes_is_in_the_picture():
    drawn = ElementTree.fromstring(draw_lineage(declared()))

    words = {part.text for part in drawn.iter() if part.tag.endswith("text")}
    tables = {table.table for step in declared().values() for table in step.writes}
    assert words == {*declared(), *tables}


def test_only_direct_dependencies_of_a_step_are_drawn():
    before = {"a": set(), "b": {"a"}, "c": {"a", "b"}, "d": {"a"}}

    assert direct_only(before) == {"a": set(), "b": {"a"}, "c": {"b"}, "d": {"a"}}
