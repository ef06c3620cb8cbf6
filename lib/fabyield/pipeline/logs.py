"""What a run logs: progress on the screen, everything in a file."""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from fabyield.errors import ConfigError

PROGRESS = logging.Formatter("%(asctime)s  %(message)s", "%H:%M:%S")
NOISY = {
    "XGBoost-PySpark": logging.WARNING,
    "DataFrameQueryContextLogger": logging.CRITICAL,
    "SQLQueryContextLogger": logging.CRITICAL,
}
RECORD = logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s")


class LogFile(logging.FileHandler):
    """A log file; on a disk that is full, what it cannot take is on the screen all the same."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing: the default is a stack that buries the message."""

    def close(self) -> None:
        """Close the file, whatever it could not take."""
        with suppress(OSError):
            super().close()


@contextmanager
def logging_to(folder: str, name: str) -> Iterator[None]:
    """Send progress to standard output, and all there is to say to <folder>/<name>.log.

    Raises ConfigError where that file cannot be written.
    """
    # Errors reach us as exceptions; these would print them once more, a page long.
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
    screen.setFormatter(PROGRESS)
    screen.setLevel(logging.INFO)
    file.setFormatter(RECORD)
    handlers: Sequence[logging.Handler] = (screen, file)
    for handler in handlers:
        root.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()
