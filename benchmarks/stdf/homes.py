"""Where readers run: interpreters, and a program that is built when it is wanted."""

import shutil
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from benchmarks.harness.machine import tried, versions
from benchmarks.harness.process import Limits, Row, output, run_command, run_module
from benchmarks.stdf.contenders import CONTENDERS

CRATE = Path(__file__).parent / "rust"
OTHERS = ("stdf-convert", "pystdf", "Semi-ATE-STDF", "pyarrow")
OURS = ("pyarrow", "numba", "numpy", "pyspark", "delta-spark")


@dataclass(frozen=True)
class Homes:
    """The interpreter with the other readers, and folders for files and for the program's build."""

    others: Path
    folder: Path
    build: Path
    core: int
    limits: Limits

    def run(self, name: str, mode: str, path: Path, warm: Path) -> Row:
        """Have a process of its own run a reader; raises NotRunError with its last words."""
        home = CONTENDERS[name].home
        if home == "rust":
            words = [str(self.program), mode, str(path), str(warm)]
            return run_command(["taskset", "--cpu-list", str(self.core), *words], self.limits)
        python = self.others if home == "others" else Path(sys.executable)
        job = {"name": name, "mode": mode, "path": str(path), "warm": str(warm), "core": self.core}
        return run_module(python, "benchmarks.stdf.once", job, self.limits)

    @cached_property
    def program(self) -> Path:
        """The program that reads with rust-stdf, built without a trace in the source folder."""
        cargo = shutil.which("cargo") or str(Path.home() / ".cargo" / "bin" / "cargo")
        shutil.copytree(CRATE, self.build, dirs_exist_ok=True)
        output([cargo, "build", "--release", "--quiet"], cwd=self.build)
        return self.build / "target" / "release" / "reads"

    def versions(self) -> dict[str, str]:
        """The versions of all readers, and of what they stand on."""
        rust = tried(lambda: _locked(self.program.parents[2] / "Cargo.lock", "rust-stdf"))
        return {**versions(OURS, self.others, OTHERS), "rust-stdf": rust}


def _locked(lock: Path, crate: str) -> str:
    text = lock.read_text().partition(f'name = "{crate}"')[2]
    return text.split('"')[1]
