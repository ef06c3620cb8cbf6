"""Numbered objects in a folder of any store, each created by one process only."""

import os
import re
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from fabyield.errors import ConfigError, first_line

ABSENT = (NotFoundError, FileNotFoundError)
NAME = re.compile(r"([0-9]{20})\.json")
# Shorter than a lease: an answer that comes after its end is of no use.
PATIENCE: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=10)}


class LeaseFiles:
    """The objects <folder>/<number>.json; a number is created by exactly one of many processes.

    Credentials and endpoints come from the environment, as for all that reads the lake without
    Spark. Raises ConfigError where the store of `folder` is of no known kind, OSError where it
    does not answer.
    """

    def __init__(self, folder: str) -> None:
        try:
            self._store = _store(folder)
        except (BaseError, ValueError) as error:
            raise ConfigError(
                f"{folder}: no lease can be held there: {first_line(error)}; see to it that one "
                "run at a time writes this lake, and set lease.kind: none"
            ) from error

    def newest(self) -> int:
        """The greatest number there is; 0 where there is none."""
        try:
            names = [found["path"] for found in obstore.list(self._store).collect()]
        except BaseError as error:
            raise OSError(f"cannot be listed: {first_line(error)}") from error
        numbers = [int(found[1]) for name in names if (found := NAME.fullmatch(name))]
        return max(numbers, default=0)

    def read(self, number: int) -> str:
        """What stands in `number`; nothing where it was deleted."""
        try:
            return bytes(obstore.get(self._store, _name(number)).bytes()).decode()
        except ABSENT:
            return ""
        except BaseError as error:
            raise OSError(f"cannot be read: {first_line(error)}") from error

    def create(self, number: int, text: str) -> bool:
        """Write `number`, unless it is there; whether it was not."""
        try:
            obstore.put(self._store, _name(number), text.encode(), mode="create")
        except AlreadyExistsError:
            # A try whose answer was lost may have been the one that made it.
            return self.read(number) == text
        except BaseError as error:
            raise OSError(f"cannot be written: {first_line(error)}") from error
        return True

    def write(self, number: int, text: str) -> None:
        """Replace what stands in `number`, whole."""
        try:
            obstore.put(self._store, _name(number), text.encode())
        except BaseError as error:
            raise OSError(f"cannot be written: {first_line(error)}") from error

    def delete(self, number: int) -> None:
        """Delete `number`; no error where there is none."""
        try:
            obstore.delete(self._store, _name(number))
        except ABSENT:
            pass
        except BaseError as error:
            raise OSError(f"cannot be deleted: {first_line(error)}") from error


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
