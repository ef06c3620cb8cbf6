"""Commit to Delta tables: retry after a conflict, and append a few rows without Spark."""

import logging
from collections.abc import Callable

import pyarrow as pa
from delta import exceptions as delta
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError
from pyspark.sql import SparkSession
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from fabyield.errors import ConfigError, FabYieldError, first_line
from fabyield.settings.sections import Retries

log = logging.getLogger(__name__)
CONFLICTS = (*(getattr(delta, name) for name in delta.__all__), CommitFailedError)
TRANSACTION = "spark.databricks.delta.write.txn"


def retry_on_conflict(what: str, write: Callable[[], None], retries: Retries) -> None:
    """Call `write` again when it conflicts, as `retries` allow; it must plan from the new state."""

    def log_retry(state: RetryCallState) -> None:
        seconds = state.next_action.sleep if state.next_action else 0.0
        log.info("%s conflicted with another writer's commit; retrying in %.1f s", what, seconds)

    attempts = Retrying(
        retry=retry_if_exception_type(CONFLICTS),
        stop=stop_after_attempt(retries.attempts),
        wait=wait_random_exponential(retries.first_seconds, retries.most_seconds),
        before_sleep=log_retry,
        reraise=True,
    )
    try:
        attempts(write)
    except CONFLICTS as error:
        raise FabYieldError(
            f"{what}: conflicted with other writers' commits {retries.attempts} times, the last "
            f"time: {first_line(error)}; find out who else writes this table, then run again"
        ) from error


def refuse_transactions(spark: SparkSession) -> None:
    """Raise ConfigError for transaction options, with which Delta silently skips later writes."""
    for name in (f"{TRANSACTION}AppId", f"{TRANSACTION}Version"):
        if (value := spark.conf.get(name, None)) is not None:
            raise ConfigError(
                f"{name} is {value} in the session's conf, which makes later writes vanish; "
                f"remove it from conf and --conf, or call spark.conf.unset({name!r})"
            )


def append_once(uri: str, rows: pa.Table, writer: str, turn: int) -> None:
    """Add `rows` to the table at `uri` in one commit, unless `writer` did so in this `turn`."""
    stored = DeltaTable(uri)
    done = stored.transaction_version(writer)
    if done is None or done < turn:
        mark = CommitProperties(app_transactions=[Transaction(writer, turn)])
        write_deltalake(stored, rows, mode="append", commit_properties=mark)
