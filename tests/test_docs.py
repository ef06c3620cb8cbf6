"""What the pages promise: questions that can be asked, faults that are tested."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest

from fabyield.lake.catalog import ALL
from fabyield.reports.data_dictionary import markdown_page

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
FAULT = re.compile(r"(?<=_)f\d\d(?=_)")


def questions(page):
    for block in BLOCK.findall(page.read_text()):
        words = shlex.split(block, comments=True)
        for command, sql in pairwise(words):
            if command == "query":
                yield page.name, sql


ASKED = [question for page in PAGES for question in questions(page)]


@pytest.fixture(scope="module")
def lake(spark):
    with duckdb.connect() as connection:
        for name, table in ALL.items():
            layer, plain = name.split(".")
            connection.register(f"{layer}_{plain}", table.arrow.empty_table())
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {layer}")
            connection.execute(f'CREATE VIEW {name} AS FROM "{layer}_{plain}"')
        yield connection


@pytest.mark.parametrize(("page", "sql"), ASKED, ids=[page for page, _ in ASKED])
def test_question_of_a_page_names_tables_and_columns_that_are_there(lake, page, sql):
    assert lake.execute(sql).description


def test_questions_are_found():
    assert {page for page, _ in ASKED} == {"README.md", "operations.md", "queries.md"}
    assert len(ASKED) > 15


def test_list_of_tables_is_that_of_the_schemas():
    assert (ROOT / "docs" / "tables.md").read_text() == markdown_page(list(ALL.values()))


def test_every_fault_that_is_tested_has_its_line_on_the_page():
    tested = {
        number
        for file in (ROOT / "tests").rglob("test_*.py")
        for number in FAULT.findall(f"{file.name} {file.read_text()}")
    }
    page = (ROOT / "docs" / "faults.md").read_text()

    listed = re.findall(r"^\| (f\d\d) \|", page, re.MULTILINE)

    assert listed == sorted(tested)
