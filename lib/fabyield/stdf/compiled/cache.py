"""Compiled code on disk, which several processes may write at once."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from numba import njit
from numba.core.caching import IndexDataCacheFile

P = ParamSpec("P")
T = TypeVar("T")


class FilePerSignature(IndexDataCacheFile):
    """A cache that keeps the code for each signature in a file named after the signature.

    Numba numbers these files. Two processes that compile for different signatures at the same time
    then write to the same file, so that one signature gets the code of the other.
    """

    def save(self, key: object, data: object) -> None:
        """Save the code `data` for the signature and machine `key`."""
        digest = hashlib.sha256(self._dump(key)).hexdigest()[:16]
        name = f"{Path(self._index_name).stem}.{digest}.nbc"
        self._save_data(name, data)
        # Entries that another process adds meanwhile are lost, and their code is compiled again.
        self._save_index({**self._load_index(), key: name})


def compiled(function: Callable[P, T]) -> Callable[P, T]:
    """Compile a function at its first call, without Python's lock, and keep the code on disk."""
    dispatcher: Any = njit(cache=True, nogil=True)(function)
    # With NUMBA_DISABLE_JIT it is the function itself.
    if dispatcher is not function:
        dispatcher._cache._cache_file.__class__ = FilePerSignature
    found: Callable[P, T] = dispatcher
    return found
