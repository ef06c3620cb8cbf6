"""A few rows added to a Delta table without Spark, whose commit costs more than they do."""

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake


def append_once(uri: str, rows: pa.Table, writer: str, turn: int) -> None:
    """Add `rows` to the table at `uri` in one commit; not again as the same `turn` of `writer`.

    Raises CommitFailedError of delta-rs where another writer's commit got in the way.
    """
    stored = DeltaTable(uri)
    done = stored.transaction_version(writer)
    if done is None or done < turn:
        mark = CommitProperties(app_transactions=[Transaction(writer, turn)])
        write_deltalake(stored, rows, mode="append", commit_properties=mark)
