import json
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from delta import DeltaTable
from delta.exceptions import ConcurrentAppendException
from pyarrow import compute as pc
from pyspark.errors import AnalysisException
from pyspark.sql import functions as F

from fabyield.errors import ConfigError, ContractError, FabYieldError, LeaseLostError
from fabyield.lake.delta_log import DeltaLog
from fabyield.lake.layout import mark_layout
from fabyield.lake.locks.lease import leased
from fabyield.lake.locks.lease_files import LeaseFiles
from fabyield.lake.locks.owner import LockOwner
from fabyield.lake.store import Store
from fabyield.lake.table import Column, Table, WriteMode
from fabyield.settings.sections import Retries
from tests.frames import of_tuples

COLUMNS = {
    "wafer_key": Column("bigint", "The wafer", required=True),
    "step": Column("string", "The step"),
    "counts": Column("map<string,bigint>", "Counts"),
    "batch": Column("bigint", "The batch", required=True),
}
ABOUT = ("gold.made_up", "Made up for a test", "nobody", ["wafer_key"], WriteMode.MERGE)
MADE_UP = Table(*ABOUT, COLUMNS, (), ["wafer_key"])
# delta-rs, which writes it, knows no clustering.
LOG = replace(MADE_UP, cluster_by=[])


@pytest.fixture
def store(spark, tmp_path):
    return Store(spark, str(tmp_path / "lake"))


@pytest.fixture
def frame(spark):
    """`frame((wafer_key, step, counts, batch), ...)`: rows of MADE_UP."""
    return lambda *rows: of_tuples(spark, list(rows), MADE_UP.ddl)


def stored(store, table=MADE_UP):
    return sorted(tuple(row) for row in store.read(table).collect())


def newest(store):
    return DeltaTable.forPath(store.spark, store.path(MADE_UP)).history(1).collect()[0]


def test_f01_batch_appended_twice_is_stored_once_and_a_later_one_is_added(store, frame):
    store.append(MADE_UP, frame((1, "a", None, 1)), batch=1)
    store.append(MADE_UP, frame((1, "a", None, 1)), batch=1)
    store.append(MADE_UP, frame((1, "a", None, 2)), batch=2)

    assert stored(store) == [(1, "a", None, 1), (1, "a", None, 2)]


def test_f01_batch_of_a_fab_is_added_although_another_has_added_a_later_one(store, frame):
    store.append(MADE_UP, frame((1, "a", None, 2)), 2, "ONE")
    store.append(MADE_UP, frame((1, "b", None, 1)), 1, "OTHER")

    assert stored(store) == [(1, "a", None, 2), (1, "b", None, 1)]


def test_f06_append_leaves_no_transaction_in_the_session(store, frame):
    store.append(MADE_UP, frame((1, "a", None, 7)), batch=7)
    other = replace(MADE_UP, table="gold.other")
    store.append(other, frame((2, "b", None, 1)), batch=1)

    conf = store.spark.sparkContext._jvm.org.apache.spark.sql.SparkSession.active().conf()
    assert not [entry for entry in str(conf.getAll()).split(",") if "txn" in entry.lower()]
    assert stored(store, other) == [(2, "b", None, 1)]


NAMES = ["txnAppId", "txnVersion"]
WAYS = {
    "append": lambda store, df: store.append(MADE_UP, df, batch=1),
    "log": lambda store, df: store.log(LOG, [row.asDict() for row in df.collect()]),
    "merge": lambda store, df: store.merge(MADE_UP, df),
    "mirror": lambda store, df: store.mirror(MADE_UP, df, F.lit(True)),
    "replace": lambda store, df: store.replace(MADE_UP, df, "wafer_key in (1)"),
    "replace keys": lambda store, df: store.replace_keys(MADE_UP, df, "wafer_key", [1]),
}


@pytest.mark.parametrize(("way", "name"), [*zip(WAYS, NAMES * 3, strict=False)])
def test_f06_transaction_left_in_the_session_is_refused_before_any_write(store, frame, way, name):
    session = store.spark.newSession()
    session.conf.set(f"spark.databricks.delta.write.{name}", 7)
    left = replace(store, spark=session)

    with pytest.raises(ConfigError, match=rf"delta\.write\.{name} is 7 .*conf\.unset"):
        WAYS[way](left, frame((1, "a", None, 1)))

    assert not store.exists(MADE_UP)


def test_f06_option_of_the_session_would_make_the_next_write_vanish(store, frame):
    """What the refusal is for: Delta itself says nothing."""
    session = store.spark.newSession()
    store.create(MADE_UP)
    for name in NAMES:
        session.conf.set(f"spark.databricks.delta.write.{name}", 7)

    for key in (1, 2):
        rows = session.createDataFrame([(key, "a", None, 1)], MADE_UP.ddl)
        rows.write.format("delta").mode("append").save(store.path(MADE_UP))

    assert stored(store) == [(1, "a", None, 1)]


@dataclass(frozen=True)
class Unanswered(Store):
    """A lake that commits, but reports a conflict for its first commit of rows."""

    conflicts: list[str] = field(default_factory=list)

    def _commit(self, write):
        super()._commit(write)
        if self.version(MADE_UP) > 0 and not self.conflicts:
            self.conflicts.append("met")
            raise ConcurrentAppendException("met another")


@pytest.mark.parametrize("way", WAYS)
def test_f03_write_that_was_committed_without_an_answer_is_stored_once(spark, store, frame, way):
    unanswered = Unanswered(spark, store.root, Retries(2, 0, 0))

    WAYS[way](unanswered, frame((1, "a", None, 1)))

    assert unanswered.conflicts
    assert stored(store) == [(1, "a", None, 1)]


@pytest.mark.parametrize("way", WAYS)
def test_f03_writer_whose_lease_another_took_commits_nothing(store, frame, way):
    store.create(MADE_UP)
    with leased(store.root, LockOwner("this test", "here", 1, "now"), 60, wait_seconds=0):
        LeaseFiles(f"{store.root}/_lease").create(2, "of another")

        with pytest.raises(LeaseLostError, match="lease 1 of this run was followed by 2"):
            WAYS[way](store, frame((1, "a", None, 1)))

    assert store.version(MADE_UP) == 0


def at_once(*works):
    with ThreadPoolExecutor(len(works)) as pool:
        for started in [pool.submit(work) for work in works]:
            started.result()


def test_f03_writers_at_once_meet_and_neither_loses_a_row(store, frame, caplog):
    caplog.set_level(logging.INFO, "fabyield")
    writers = [Store(store.spark.newSession(), store.root, Retries(20, 0.1, 1)) for _ in "ab"]
    store.merge(MADE_UP, frame(*((key, "old", None, 0) for key in (1, 2, 3))))

    def writing(writer, key):
        def work():
            for turn in (1, 2):
                writer.merge(MADE_UP, frame((key, f"turn {turn}", None, turn)))
                writer.replace(
                    MADE_UP, frame((key + 2, "new", None, turn)), f"wafer_key = {key + 2}"
                )

        return work

    at_once(writing(writers[0], 1), writing(writers[1], 2))

    last = [(key, "turn 2", None, 2) for key in (1, 2)]
    assert stored(store) == [*last, (3, "new", None, 2), (4, "new", None, 2)]
    assert "gold.made_up: merge conflicted with another writer's commit; retrying in" in caplog.text


@pytest.mark.parametrize("way", [way for way in WAYS if way != "log"])
def test_f03_writers_that_fill_a_new_table_at_once_double_no_row(store, frame, way):
    writers = [Store(store.spark.newSession(), store.root, Retries(20, 0.1, 1)) for _ in "ab"]

    at_once(*(lambda w=w: WAYS[way](w, frame((1, "a", None, 1))) for w in writers))

    assert stored(store) == [(1, "a", None, 1)]


def test_f02_table_whose_maker_was_killed_before_its_first_commit_is_made(
    store, frame, monkeypatch
):
    monkeypatch.setattr("fabyield.lake.store.LOOKS", 1)
    mark_layout(store.root)
    log = Path(store.path(MADE_UP)) / "_delta_log"
    (log / "_staged_commits").mkdir(parents=True)
    (log / ".00000000000000000000.json.7.tmp").write_text('{"commitInfo":')

    store.append(MADE_UP, frame((1, "a", None, 1)), batch=1)

    assert stored(store) == [(1, "a", None, 1)]
    detail = DeltaTable.forPath(store.spark, store.path(MADE_UP)).detail().collect()[0]
    assert detail["clusteringColumns"] == ["wafer_key"]


def test_log_that_lost_its_commits_is_kept_and_no_empty_table_takes_its_place(
    store, frame, monkeypatch
):
    monkeypatch.setattr("fabyield.lake.store.LOOKS", 1)
    mark_layout(store.root)
    log = Path(store.path(MADE_UP)) / "_delta_log"
    log.mkdir(parents=True)
    left = log / "00000000000000000010.crc"
    left.write_text("of a commit that is gone")

    with pytest.raises(AnalysisException):
        store.append(MADE_UP, frame((1, "a", None, 1)), batch=1)

    assert left.read_text() == "of a commit that is gone"


def test_merge_updates_the_rows_that_differ_and_inserts_the_new(store, frame):
    store.merge(
        MADE_UP, frame((1, "a", {"PTR": 1}, 1), (2, "b", {"PTR": 1}, 1), (4, None, None, 1))
    )

    store.merge(MADE_UP, frame((1, "a", {"PTR": 1}, 2), (2, "b", {"PTR": 9}, 2), (3, "c", {}, 2)))

    assert stored(store) == [
        (1, "a", {"PTR": 1}, 1),
        (2, "b", {"PTR": 9}, 2),
        (3, "c", {}, 2),
        (4, None, None, 1),
    ]
    assert newest(store)["operationMetrics"]["numTargetRowsUpdated"] == "1"


def test_mirror_deletes_the_rows_that_are_gone_but_no_others(store, frame):
    here = F.col("wafer_key") < 9
    old = frame((1, "a", None, 1), (2, "b", None, 1), (3, "c", None, 1), (9, "elsewhere", None, 1))
    store.mirror(MADE_UP, old, here)
    before = store.version(MADE_UP)

    store.mirror(MADE_UP, frame((1, "a", None, 2), (3, "new", None, 2)), here)

    assert stored(store) == [(1, "a", None, 1), (3, "new", None, 2), (9, "elsewhere", None, 1)]
    after = store.version(MADE_UP)
    store.mirror(MADE_UP, frame((1, "a", None, 3), (3, "new", None, 2)), here)
    assert store.version(MADE_UP) == after > before


def test_changes_have_each_row_before_and_after(store, frame):
    fed = replace(MADE_UP, change_feed=True)
    store.merge(fed, frame((1, "a", None, 1), (2, "b", None, 1), (3, "c", None, 1)))
    version = store.version(fed)

    store.merge(fed, frame((1, "new", None, 2), (4, "d", None, 2)), frame((3, None, None, 0)))

    found = store.changes(fed, version + 1).drop("counts", "_commit_version").collect()
    assert sorted(tuple(row) for row in found) == [
        (1, "a", 1, "update_preimage"),
        (1, "new", 2, "update_postimage"),
        (3, "c", 1, "delete"),
        (4, "d", 2, "insert"),
    ]
    assert store.changes(fed, store.version(fed) + 1).isEmpty()


def test_keys_of_changed_rows_read_from_the_log_are_those_of_the_change_feed(store, frame):
    fed = replace(MADE_UP, change_feed=True)
    store.merge(fed, frame(*((key, "old", None, 1) for key in (1, 2, 3, 4, 9))))
    first = store.version(fed)
    store.merge(fed, frame((2, "new", None, 2), (7, "new", None, 2)), frame((9, None, None, 0)))
    store.merge(fed, frame((8, "new", None, 3)))
    store.mirror(fed, frame((3, "old", None, 1)), F.col("wafer_key").between(3, 4))
    last = store.version(fed)
    path = store.path(fed)
    DeltaTable.forPath(store.spark, path).optimize().executeCompaction()

    def keys(since, where=None):
        return sorted(
            {
                row["wafer_key"]
                for row in store.changed_rows(fed, since, ["wafer_key"], where).to_pylist()
            }
        )

    for since in range(last + 1):
        feed = store.changes(fed, since + 1)
        assert keys(since) == sorted({row["wafer_key"] for row in feed.collect()})
    assert keys(first) == [2, 4, 7, 8, 9]
    assert keys(first, pc.field("wafer_key") > 7) == [8, 9]
    assert store.version(fed) == last + 1
    assert keys(last) == []


def test_f23_changes_that_the_disk_has_damaged_are_not_read_without_a_word(store, frame):
    store.merge(MADE_UP, frame((1, "a", None, 1), (2, "b", None, 1)))
    [file] = Path(store.path(MADE_UP)).glob("*.parquet")
    content = bytearray(file.read_bytes())
    content[content.index((2).to_bytes(8, "little"))] ^= 4
    file.write_bytes(content)

    with pytest.raises(
        FabYieldError, match=r"gold.made_up: cannot read what changed since .*rebuild"
    ):
        store.changed_rows(MADE_UP, 0, ["wafer_key"])


def test_names_may_have_characters_at_which_a_line_could_end(store, frame):
    for key, name in enumerate(("\x85", "\u2028", "a\u2029b")):
        store.append(MADE_UP, frame((key, name, None, key)), batch=key)

    assert sorted(store.changed_rows(MADE_UP, 0, ["step"])["step"].to_pylist()) == sorted(
        ["\x85", "\u2028", "a\u2029b"]
    )


def test_changes_whose_commit_is_gone_name_it_and_the_table(store, frame):
    store.merge(MADE_UP, frame((1, "a", None, 1)))
    store.merge(MADE_UP, frame((2, "b", None, 2)))
    Path(DeltaLog(store.path(MADE_UP)).commit_file(1)).unlink()

    with pytest.raises(FabYieldError, match=r"gold.made_up: .*01.json: is missing; .*rebuild"):
        store.changed_rows(MADE_UP, 0, ["wafer_key"])


def test_merge_looks_only_where_keys_of_the_batch_can_be(store, frame):
    for key in (1, 5, 9):
        store.append(MADE_UP, frame((key, "old", None, 1)), batch=key)

    store.merge(MADE_UP, frame((5, "new", None, 2)))

    assert newest(store)["operationMetrics"]["numTargetFilesRemoved"] == "1"
    assert stored(store) == [(1, "old", None, 1), (5, "new", None, 2), (9, "old", None, 1)]


def test_merge_looks_only_where_texts_of_the_batch_can_be(store, frame):
    columns = COLUMNS | {"step": Column("string", "The step", required=True)}
    by_step = replace(MADE_UP, key=["step"], columns=columns, cluster_by=["step"])
    for key, step in enumerate("aex"):
        store.append(by_step, frame((key, step, None, 1)), batch=key)

    store.merge(by_step, frame((5, "e", None, 2), (6, "it's", None, 2)))

    assert newest(store)["operationMetrics"]["numTargetFilesRemoved"] == "1"
    kept = [(0, "a", None, 1), (2, "x", None, 1), (5, "e", None, 2), (6, "it's", None, 2)]
    assert stored(store, by_step) == kept


def test_f01_key_that_is_gone_already_makes_no_commit(store, frame):
    store.merge(MADE_UP, frame((1, "a", None, 1)))
    before = store.version(MADE_UP)

    store.merge(MADE_UP, frame((1, "a", None, 2)), frame((3, None, None, 0)))

    assert store.version(MADE_UP) == before


def test_f01_merge_of_the_same_rows_again_updates_none(store, frame):
    rows = [(1, None, {"PTR": 1}), (2, "b", None)]
    store.merge(MADE_UP, frame(*((*row, 1) for row in rows)))
    before = store.version(MADE_UP)

    store.merge(MADE_UP, frame(*((*row, 2) for row in rows)))

    assert store.version(MADE_UP) == before
    assert stored(store) == [(1, None, {"PTR": 1}, 1), (2, "b", None, 1)]


def test_f04_replace_touches_the_given_wafers_only(store, frame):
    old = [(1, "old", None, 1), (2, "old", None, 1), (2, "gone", None, 1), (3, "old", None, 1)]
    store.replace(MADE_UP, frame(*old), "true")

    store.replace(MADE_UP, frame((2, "new", None, 2)), "wafer_key in (2, 3)")

    assert stored(store) == [(1, "old", None, 1), (2, "new", None, 2)]


def test_f04_where_no_row_can_be_of_the_keys_none_is_looked_for(store, frame):
    def put(*rows):
        store.replace_keys(MADE_UP, frame(*rows), "wafer_key", [row[0] for row in rows])
        return newest(store)["operationParameters"]

    put((1, "old", None, 1), (5, "old", None, 1))
    assert "predicate" not in put((6, "new", None, 2), (7, "new", None, 2))
    assert "predicate" in put((3, "new", None, 3))
    assert "predicate" in put((7, "newest", None, 4), (8, "newest", None, 4))

    assert stored(store) == [
        *((1, "old", None, 1), (3, "new", None, 3), (5, "old", None, 1), (6, "new", None, 2)),
        *((7, "newest", None, 4), (8, "newest", None, 4)),
    ]


@pytest.mark.parametrize("stored_key", [1, 9])
def test_f04_row_of_another_key_than_those_replaced_is_refused(store, frame, stored_key):
    store.append(MADE_UP, frame((stored_key, "old", None, 1)), batch=1)

    with pytest.raises(Exception, match="wafer_key"):
        store.replace_keys(MADE_UP, frame((2, "new", None, 2)), "wafer_key", [1])

    assert stored(store) == [(stored_key, "old", None, 1)]


def test_f03_writers_that_find_nothing_to_replace_at_once_double_no_row(store, frame):
    store.append(MADE_UP, frame((1, "old", None, 1)), batch=1)
    writers = [Store(store.spark.newSession(), store.root, Retries(20, 0.1, 1)) for _ in "ab"]
    rows = frame((5, "new", None, 2))

    at_once(*(lambda w=w: w.replace_keys(MADE_UP, rows, "wafer_key", [5]) for w in writers))

    assert stored(store) == [(1, "old", None, 1), (5, "new", None, 2)]


def test_every_write_keeps_the_clustering_and_the_comments(store, frame):
    store.append(MADE_UP, frame((1, "old", None, 1), (2, "old", None, 1)), batch=1)
    store.merge(MADE_UP, frame((2, "old", None, 1)))
    store.replace(MADE_UP, frame((2, "new", None, 2)), "true")
    store.replace(MADE_UP, frame((2, "newest", None, 3)), "wafer_key in (2)")

    assert stored(store) == [(2, "newest", None, 3)]
    detail = DeltaTable.forPath(store.spark, store.path(MADE_UP)).detail().collect()[0]
    assert detail["clusteringColumns"] == ["wafer_key"]
    assert detail["description"] == "Made up for a test"
    fields = store.spark.read.format("delta").load(store.path(MADE_UP)).schema.fields
    assert [field.metadata["comment"] for field in fields[:2]] == ["The wafer", "The step"]


def test_bounds_are_kept_of_the_columns_that_the_table_names(store, frame):
    table = replace(MADE_UP, statistics=["wafer_key", "batch"])

    store.append(table, frame((1, "a", None, 1)), batch=1)

    log = Path(store.path(table), "_delta_log").glob("*.json")
    actions = [json.loads(line) for path in log for line in path.read_text().splitlines()]
    (added,) = [json.loads(action["add"]["stats"]) for action in actions if "add" in action]
    assert added["minValues"] == {"wafer_key": 1, "batch": 1}


def test_null_in_a_required_column_is_refused_by_the_table_itself(store, frame):
    store.create(MADE_UP)
    nullable = frame((1, "a", None, 1)).selectExpr(
        "nullif(wafer_key, 1) wafer_key", "step", "batch"
    )

    with pytest.raises(Exception, match="NOT NULL constraint"):
        store.append(MADE_UP, nullable, batch=1)

    assert stored(store) == []


def test_f21_column_that_the_schema_has_gained_is_added(store, frame):
    store.append(MADE_UP, frame((1, "a", None, 1)), batch=1)
    gained = {**COLUMNS, "slot": Column("int", "The slot")}

    wider = replace(MADE_UP, columns=gained)
    store.append(wider, store.spark.sql("select 2L wafer_key, 5 slot, 2L batch"), batch=2)

    assert stored(store, wider) == [(1, "a", None, 1, None), (2, None, None, 2, 5)]


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        (COLUMNS | {"step": Column("int", "-")}, "step string is now int"),
        ({k: v for k, v in COLUMNS.items() if k != "step"}, "step string is now None"),
    ],
)
def test_f21_any_other_difference_is_refused_and_named(store, columns, named):
    store.create(MADE_UP)

    with pytest.raises(ContractError, match=rf"gold\.made_up: .*{named}"):
        store.create(replace(MADE_UP, columns=columns))


def test_f21_column_that_may_not_be_null_cannot_be_gained(store):
    store.create(MADE_UP)
    gained = COLUMNS | {"fab_id": Column("string", "-", required=True)}

    with pytest.raises(ContractError, match=r"gold\.made_up: stored rows lack fab_id"):
        store.read(replace(MADE_UP, columns=gained))

    assert store.version(MADE_UP) == 0


def test_table_that_was_never_written_reads_as_no_rows(store):
    assert store.version(MADE_UP) == -1
    assert (store.read(MADE_UP).columns, stored(store)) == (list(COLUMNS), [])
