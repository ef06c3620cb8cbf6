"""Log progress to the screen, and everything to a file."""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from fabyield.errors import ConfigError

NOISY = {
    "XGBoost-PySpark": logging.WARNING,
    "DataFrameQueryContextLogger": logging.CRITICAL,
    "SQLQueryContextLogger": logging.CRITICAL,
}


class LogFile(logging.FileHandler):
    """A log file that stays silent when the disk is full: the screen has the messages as well."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Print no stack, which would bury the message."""

    def close(self) -> None:
        """Close the file, even if it could not be written completely."""
        with suppress(OSError):
            super().close()


@contextmanager
def logging_to(folder: str, name: str) -> Iterator[None]:
    """Log progress to standard output, and every message to <folder>/<name>.log."""
    # Errors arrive as exceptions; these loggers would print them again, a page long.
    for noisy, level in NOISY.items():
        logging.getLogger(noisy).setLevel(level)
    root = logging.getLogger("fabyield")
    root.setLevel(logging.DEBUG)
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        file = LogFile(f"{folder}/{name}.log")
    except OSError as error:
        raise ConfigError(f"log: {error}") from error
    screen = logging.StreamHandler(sys.stdout)
    screen.setLevel(logging.INFO)
    screen.setFormatter(logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S"))
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    handlers: Sequence[logging.Handler] = (screen, file)
    for handler in handlers:
        root.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
