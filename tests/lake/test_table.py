import pytest
import yaml

from fabyield.errors import ContractError
from fabyield.lake import table as module
from fabyield.lake.table import Severity, Table, WriteMode
from tests.frames import of_tuples

SCHEMA = {
    "table": "gold.made_up",
    "about": "Made up",
    "owner": "nobody",
    "key": ["fab_id"],
    "write": "merge",
    "columns": {
        "fab_id": {"type": "string", "required": True, "about": "Fab"},
        "counts": {"type": "map<string,bigint>", "about": "Counts"},
        "batch": {"type": "bigint", "required": True, "about": "Run"},
    },
}
BATCH = SCHEMA["columns"]["batch"]
NULLS = {"expect_column_values_to_not_be_null": {"column": "counts", "look_at": "the tester"}}


@pytest.fixture
def load(tmp_path, monkeypatch):
    """`load(schema, suite)`: the table of these two files."""
    monkeypatch.setattr(module, "files", lambda package: tmp_path / package.rpartition(".")[2])

    def write(schema, suite):
        for folder, content in (("schemas", schema), ("expectations", suite)):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / "made_up.yml").write_text(yaml.safe_dump(content, sort_keys=False))
        return Table.load("made_up")

    return write


def test_table_is_what_its_two_files_declare(load):
    table = load(SCHEMA, {"warn": [NULLS]})

    assert (table.layer, table.write) == ("gold", WriteMode.MERGE)
    assert table.required == ["fab_id", "batch"]
    assert table.ddl == "fab_id string, counts map<string,bigint>, batch bigint"
    [expectation] = table.expectations
    assert (expectation.severity, expectation.look_at) == (Severity.WARN, "the tester")
    assert str(expectation) == "expect_column_values_to_not_be_null(column='counts')"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"ownr": "me"}, "ownr"),
        ({"table": "gold.other"}, "'gold.other' must be a layer .* and made_up"),
        ({"expectations": []}, "expectations have a file of their own"),
        ({"columns": {}, "key": []}, "the last column must be batch"),
        ({"write": "upsert"}, "upsert"),
        (
            {"key": ["fab"]},
            r"schemas/made_up\.yml: fab is not among the columns; did you mean fab_id\?",
        ),
        ({"key": 5}, "made_up"),
        ({"cluster_by": ["wafer_key"]}, "wafer_key is not among"),
        ({"cluster_by": ["fab_id"], "statistics": ["counts"]}, "fab_id: clustered by, without"),
        ({"columns": ["fab_id"]}, "made_up"),
        (
            {"columns": {"fab_id": {"type": "string", "about": "-"}}},
            "the last column must be batch",
        ),
        (
            {"columns": {"lot_id": {"type": "string", "about": "-"}, "batch": BATCH}},
            "fab_id is missing",
        ),
        ({"columns": {"fab_id": {"type": "strin", "about": "-"}, "batch": BATCH}}, "strin"),
        ({"columns": {"fab_id": {"type": "array<in>", "about": "-"}, "batch": BATCH}}, "'in'"),
        ({"columns": {"fab_id": {"type": 5, "about": "-"}, "batch": BATCH}}, "made_up"),
        ({"columns": {"fab_id": {"type": "int"}, "batch": BATCH}}, "about"),
        (
            {"columns": {"fab_id": {"type": "int", "about": "-", "units": "V"}, "batch": BATCH}},
            "units",
        ),
    ],
)
def test_wrong_schema_stops_at_load_and_is_named(load, change, named):
    with pytest.raises(ContractError, match=named):
        load(SCHEMA | change, {})


@pytest.mark.parametrize("missing", ["table", "about", "owner", "key", "write", "columns"])
def test_schema_without_a_field_stops_at_load(load, missing):
    with pytest.raises(ContractError, match=missing):
        load({key: value for key, value in SCHEMA.items() if key != missing}, {})


@pytest.mark.parametrize(
    ("suite", "named"),
    [
        ({"fatal": [NULLS]}, r"expectations/made_up\.yml: 'fatal' is not one of error, warn, row"),
        ({"error": None}, "made_up"),
        ({"error": [{"expect_column_values_to_be_unique": None}]}, "made_up"),
        (
            {"warn": [NULLS], "error": [{"expect_column_values_to_be_unique": {"column": "fab"}}]},
            r"made_up\.yml, line 6: fab is not among .*; did you mean fab_id\?",
        ),
        ({"row": [{"expect_any_pair": {"column_A": "fab_id", "column_B": "lot"}}]}, "lot is not"),
        ({"row": [{"expect_any_list": {"column_list": ["fab_id", "die"]}}]}, "die is not"),
    ],
)
def test_wrong_expectation_stops_at_load_and_is_named(load, suite, named):
    with pytest.raises(ContractError, match=named):
        load(SCHEMA, suite)


def test_table_without_files_is_a_contract_error():
    with pytest.raises(ContractError, match=r"schemas/no_such_table\.yml"):
        Table.load("no_such_table")


def test_conform_takes_the_declared_columns_in_their_order_and_types(load, spark):
    table = load(SCHEMA | {"columns": {"fab_id": SCHEMA["columns"]["fab_id"], "batch": BATCH}}, {})

    df = table.conform(of_tuples(spark, [(7, 3, 1)], "extra int, batch int, fab_id int"))

    assert df.dtypes == [("fab_id", "string"), ("batch", "bigint")]
    assert df.collect() == [("1", 3)]
