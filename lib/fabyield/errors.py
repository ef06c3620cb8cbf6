"""Everything this package raises on purpose, and how its messages are worded."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# As Java and as delta-rs begin the lines of what lies behind an error.
CAUSE = re.compile(r"(?:Caused by: |\u21b3 )(.*)")


def first_line(error: BaseException) -> str:
    """What `error` says first; of an error in the JVM or in Rust, what failed there, and why."""
    text = COLOUR.sub("", str(error))
    # The bridge to the JVM says in its first line only that a call failed.
    text = text.partition("\n: ")[2] or text
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = next(iter(lines), "no message")
    causes = [found[1] for line in lines if (found := CAUSE.match(line))]
    return f"{first}; cause: {causes[-1]}" if causes and causes[-1] not in first else first


class FabYieldError(Exception):
    """Base of all errors below, so that a caller can catch them all."""


class ConfigError(FabYieldError):
    """A setting, an option or the environment is wrong; nothing was run."""


class BusyError(FabYieldError):
    """Another run has written the lake for longer than this one may wait."""


class LeaseLostError(FabYieldError):
    """The lease on the lake has ended or gone to another run: nothing more may be written."""


class ContractError(ConfigError):
    """A schema or expectation file is wrong, or two of them disagree."""


class DataQualityError(FabYieldError):
    """Data broke an expectation of severity `error`; nothing of the batch was published."""


class AccountingError(DataQualityError):
    """Rows in differ from rows out + quarantined + duplicates."""


class StdfError(FabYieldError):
    """A file is not STDF, or a record cannot be written as STDF."""


class StageError(FabYieldError):
    """New files could not be decoded: a worker died, or what it decoded could not be written."""


class StatisticsError(FabYieldError, ValueError):
    """Values given to a statistic have the wrong shape, are missing or are too few."""


class ModelError(FabYieldError):
    """A model file or its features are not what was stored with it."""


def plain(text: str) -> str:
    """Write what cannot be printed (escape codes, line ends, direction marks) as U+FFFD."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def near(word: str, known: Iterable[str]) -> str:
    """A question after the one of `known` that `word` may be a slip of; empty if there is none."""
    return next((f"; did you mean {name}?" for name in get_close_matches(word, known, 1)), "")
