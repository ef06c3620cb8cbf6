"""Where contenders run: interpreters, and a program that is built when it is wanted."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.stdf.contenders import CONTENDERS

ROOT = Path(__file__).parents[2]
CRATE = Path(__file__).parent / "rust"
OTHERS = ("stdf-convert", "pystdf", "Semi-ATE-STDF", "pyarrow")
OURS = ("pyarrow", "numba", "numpy", "pyspark", "delta-spark")
LONGEST = 4 * 3600


class NotRunError(Exception):
    """A contender that cannot be run here, or fails."""


@dataclass(frozen=True)
class Homes:
    """The interpreter with the other readers, and the folder that the program is built in."""

    others: Path
    folder: Path
    core: int

    def run(self, name: str, mode: str, path: Path, warm: Path) -> dict[str, Any]:
        """Have a process of its own run a contender; raises NotRunError with its last words."""
        home = CONTENDERS[name].home
        python = str(self.others) if home == "others" else sys.executable
        job = {"name": name, "mode": mode, "path": str(path), "warm": str(warm), "core": self.core}
        if home == "rust":
            job["program"] = str(self.program)
        command = [python, "-m", "benchmarks.stdf.once", json.dumps(job)]
        found: dict[str, Any] = json.loads(_output(command, cwd=ROOT))
        return found

    @cached_property
    def program(self) -> Path:
        """The program that reads with rust-stdf, built without a trace in the source folder."""
        cargo = shutil.which("cargo") or str(Path.home() / ".cargo" / "bin" / "cargo")
        shutil.copytree(CRATE, self.folder / "rust", dirs_exist_ok=True)
        _output([cargo, "build", "--release", "--quiet"], cwd=self.folder / "rust")
        return self.folder / "rust" / "target" / "release" / "reads"

    def versions(self) -> dict[str, str]:
        """The versions of all readers, and of what they stand on."""
        return _tried(
            {
                "python": lambda: sys.version.split()[0],
                "fabyield": lambda: _output(["git", "describe", "--always", "--dirty"], cwd=ROOT),
                **{name: lambda n=name: _version(sys.executable, n) for name in OURS},
                **{f"{n} (others)": lambda n=n: _version(str(self.others), n) for n in OTHERS},
                "rust-stdf": lambda: _locked(self.program.parents[2] / "Cargo.lock", "rust-stdf"),
            }
        )


def _tried(asked: dict[str, Callable[[], str]]) -> dict[str, str]:
    found = {}
    for name, ask in asked.items():
        try:
            found[name] = ask().strip()
        except NotRunError as error:
            found[name] = f"none: {error}"
    return found


def _version(python: str, package: str) -> str:
    code = f"from importlib.metadata import version; print(version({package!r}))"
    return _output([python, "-c", code], cwd=ROOT)


def _locked(lock: Path, crate: str) -> str:
    text = lock.read_text().partition(f'name = "{crate}"')[2]
    return text.split('"')[1]


def _output(command: list[str], cwd: Path) -> str:
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotRunError(str(error)) from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise NotRunError(said[-1])
    return done.stdout


def machine() -> dict[str, Any]:
    """What it is measured on."""
    told = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in told if line.startswith("model name")]
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    system = os.uname()
    return {
        "processor": next(iter(models), system.machine),
        "cores": os.cpu_count(),
        "memory_gib": round(pages / 2**30, 1),
        "system": f"{system.sysname} {system.release}",
    }
