"""Numbered objects in a folder of any store, each created by exactly one process."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from fabyield.errors import ConfigError, first_line

ABSENT = (NotFoundError, FileNotFoundError)
NAME = re.compile(r"([0-9]{20})\.json")
# Shorter than a lease: an answer that comes after its end is useless.
PATIENCE: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}


class LeaseFiles:
    """The objects <folder>/<number>.json; raises OSError if their store does not answer."""

    def __init__(self, folder: str) -> None:
        try:
            self._store = _store(folder)
        except (BaseError, ValueError) as error:
            raise ConfigError(
                f"{folder}: this store cannot keep a lease: {first_line(error)}; make sure that "
                "one run at a time writes this lake, and set lease.kind: none"
            ) from error

    def newest(self) -> int:
        """Return the greatest number; 0 if there is none."""
        with _as_os_error("listed"):
            names = [found["path"] for found in obstore.list(self._store).collect()]
        numbers = [int(found[1]) for name in names if (found := NAME.fullmatch(name))]
        return max(numbers, default=0)

    def read(self, number: int) -> str:
        """Return the content of `number`; an empty text if it was deleted."""
        with _as_os_error("read"), suppress(*ABSENT):
            return bytes(obstore.get(self._store, _name(number)).bytes()).decode()
        return ""

    def create(self, number: int, text: str) -> bool:
        """Write `number` unless it exists; return whether this call created it."""
        with _as_os_error("written"):
            try:
                obstore.put(self._store, _name(number), text.encode(), mode="create")
            except AlreadyExistsError:
                # A first try may have created it although its answer was lost.
                return self.read(number) == text
            return True

    def write(self, number: int, text: str) -> None:
        """Replace the whole content of `number`."""
        with _as_os_error("written"):
            obstore.put(self._store, _name(number), text.encode())

    def delete(self, number: int) -> None:
        """Delete `number` if it exists."""
        with _as_os_error("deleted"), suppress(*ABSENT):
            obstore.delete(self._store, _name(number))


@contextmanager
def _as_os_error(action: str) -> Iterator[None]:
    try:
        yield
    except BaseError as error:
        raise OSError(f"cannot be {action}: {first_line(error)}") from error


def _store(folder: str) -> ObjectStore:
    path = folder.removeprefix("file://")
    if "://" not in path:
        return LocalStore(path, mkdir=True)
    # Options given here replace those of the environment, this one too.
    plain = os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("true", "1")
    answer: Any = {"timeout": "5s", "connect_timeout": "5s", "allow_http": plain}
    return from_url(folder, client_options=answer, retry_config=PATIENCE)


def _name(number: int) -> str:
    return f"{number:020d}.json"
