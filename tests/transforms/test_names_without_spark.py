"""Names and sessions have two implementations, for Spark and without it: they must agree."""

import random
from types import SimpleNamespace

import pyarrow as pa
import pytest

from fabyield.settings.settings import Settings
from fabyield.stdf.tools.name_rules import Naming
from fabyield.stdf.tools.sessions import TOUCHDOWN, SessionFile, is_superseded
from fabyield.transforms.shared.name_rules import NameRules, canonical_lot, canonical_wafer
from fabyield.transforms.silver import wafer_runs as by_spark
from tests.frames import of_tuples

FAB = Settings.load("dev").fab
LOT_RULES = [["[.]([0-9])0$", "/$1"]]
RULES = NameRules(LOT_RULES, FAB.wafer_id_rules)
NAMING = Naming(FAB.wafer_id_rules, FAB.insertion_rules, FAB.default_insertion, LOT_RULES)
LOTS = ["GAL-LOT", "k1.20 ", " gal-lot\0", "a.b", "", None, "\u00a0 L1\t"]
WAFERS = [
    "W02",
    "w02 ",
    "2",
    "02",
    "GAL-LOT-02",
    "a.b_7",
    "axb_7",
    "W",
    "#007",
    "",
    None,
    "L1-L1-3",
]
FLOWS = [("cp-2", None), ("SORT", "ft 1"), (None, "FT3\n"), ("CP1x", None), (None, None)]
RUN = (
    "file_key bigint, status string, content_bytes bigint, wafer_id string, start_t bigint, "
    "session_id string, retest_bins array<int>, modified_at int"
)


def test_f15_wafers_are_spelt_as_spark_spells_them(spark):
    pairs = [(lot, wafer) for lot in LOTS for wafer in WAFERS]
    df = of_tuples(spark, pairs, "lot string, wafer string").coalesce(1)
    df = df.withColumn("lot", canonical_lot(df.lot, RULES))

    expected = df.select("lot", canonical_wafer(df.wafer, df.lot, RULES)).collect()

    lots = [NAMING.lot(lot) for lot, _ in pairs]
    actual = [NAMING.wafer(wafer, lot) for lot, (_, wafer) in zip(lots, pairs, strict=True)]
    assert list(zip(lots, actual, strict=True)) == [tuple(row) for row in expected]


def test_insertions_are_named_as_spark_names_them(spark):
    rules = by_spark.TesterRules("UTC", RULES, FAB.insertion_rules, FAB.default_insertion)
    df = of_tuples(spark, FLOWS, "flow_id string, test_cod string").coalesce(1)

    expected = [row[0] for row in df.select(by_spark.insertion(rules)).collect()]

    assert [NAMING.insertion({"flow_id": f, "test_cod": t}) for f, t in FLOWS] == expected
    assert len(set(expected)) > 2


def drawn(draw, place):
    """A file of one of two sessions: place, whole or not, bytes, session, kind, wafers."""
    wafers = draw.sample([("01", 5), ("02", 6), ("03", 7), ("-", 5), ("02", 0)], draw.randint(1, 3))
    kind = draw.choice([None, None, [], [2]])
    return place, draw.random() < 0.5, draw.randint(1, 3), draw.choice("st"), kind, wafers


def source(file):
    """What `sessions` knows of a file, without the file."""
    place, whole, size, session, kind, wafers = file
    # No file begins another: their touch-downs stand at other bytes.
    parts = pa.table({name: [place] for name in TOUCHDOWN})
    tables = SimpleNamespace(parts=parts, content_bytes=size)
    outline = SimpleNamespace(is_complete=whole, header={"retest_bins": kind}, tables=tables)
    return SessionFile(place, outline, session, "L", wafers)


@pytest.mark.parametrize("seed", range(3))
def test_f07_superseded_files_are_those_that_spark_marks(spark, seed):
    draw = random.Random(seed)
    files = [drawn(draw, place) for place in range(40)]
    runs = [
        (place, "complete" if whole else "incomplete", size, wafer, start, session, kind, 0)
        for place, whole, size, session, kind, wafers in files
        for wafer, start in wafers
    ]
    none = of_tuples(spark, [], "file_key bigint")
    marked = by_spark.superseded(of_tuples(spark, runs, RUN), none).where("is_superseded")
    expected = {row["file_key"] for row in marked.collect()}

    sources = [source(file) for file in files]
    actual = {s.place for s in sources if any(is_superseded(s, other) for other in sources)}

    assert actual == expected
    assert expected
