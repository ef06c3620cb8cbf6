"""A folder that a night is run in: landing zone, factory database and lake."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.process import Limits, Row, run_module


@dataclass(frozen=True)
class Place:
    """`root/landing/stdf`, `root/fab.db` and `root/lake`."""

    root: Path
    limits: Limits
    others: Path | str = sys.executable

    @property
    def landing(self) -> Path:
        """Where testers' files arrive."""
        return self.root / "landing" / "stdf"

    @property
    def database(self) -> Path:
        """What the factory knows."""
        return self.root / "fab.db"

    @property
    def is_kept(self) -> bool:
        """Whether there is a lake to come back to."""
        return (self.root / "kept").exists()

    def land(self, files: Sequence[Path]) -> None:
        """Let files arrive; what lies there already stays."""
        self.landing.mkdir(parents=True, exist_ok=True)
        for file in files:
            if not (self.landing / file.name).exists():
                os.link(file, self.landing / file.name)

    def run(self, name: str, at_a_time: int | None = None) -> Row:
        """Run a night, or what is named, in a process of its own.

        With so many steps `at_a_time`, or as many as conf says.
        """
        given = {"root": str(self.root), "name": name, "at_a_time": at_a_time}
        return run_module(sys.executable, "benchmarks.night.once", given, self.limits)

    def run_peer(self) -> Row:
        """Run what one might write in place of the night, in the environment of the others."""
        given = {"root": str(self.root), "name": "peer"}
        return run_module(self.others, "benchmarks.night.peer", given, self.limits)

    def forget(self) -> None:
        """Leave no lake behind, nor what the peer wrote."""
        for name in ("lake", "peer"):
            shutil.rmtree(self.root / name, ignore_errors=True)

    def keep(self) -> None:
        """Keep the lake as it is now, to come back to."""
        shutil.copytree(self.root / "lake", self.root / "kept")

    def go_back(self) -> None:
        """Come back to the lake that was kept."""
        self.forget()
        shutil.copytree(self.root / "kept", self.root / "lake")
