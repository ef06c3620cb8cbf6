"""What a measurement was taken on, and with."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.harness.process import NotRunError, output

LOADED = 0.5
# One bench's results do not make the next one's commit another.
MEASURED = (".", ":!benchmarks/results", ":!docs")
VERSIONS = """
import json, sys
from importlib.metadata import PackageNotFoundError, version
def asked(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"
print(json.dumps({name: asked(name) for name in sys.argv[1:]}))
"""


def machine() -> dict[str, Any]:
    """What it is measured on."""
    told = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in told if line.startswith("model name")]
    system = os.uname()
    return {
        "processor": next(iter(models), system.machine),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{system.sysname} {system.release}",
    }


def load_before() -> float:
    """How many processes wanted to run in the last minute, before anything of ours did."""
    return round(os.getloadavg()[0], 2)


def versions(ours: Sequence[str], others: Path, theirs: Sequence[str]) -> dict[str, str]:
    """Versions of packages beside fabyield, and of those in the environment of the others."""
    return {
        "python": sys.version.split()[0],
        "fabyield": tried(commit),
        **installed(sys.executable, ours),
        **{f"{name} (others)": told for name, told in installed(str(others), theirs).items()},
    }


def commit() -> str:
    """The commit that is measured, `-dirty` where what is measured is not what it holds."""
    changed = output(["git", "status", "--porcelain", "--untracked-files=no", "--", *MEASURED])
    return output(["git", "rev-parse", "--short", "HEAD"]).strip() + ("-dirty" if changed else "")


def installed(python: str, packages: Sequence[str]) -> dict[str, str]:
    """The version of each package that an interpreter has."""
    try:
        found: dict[str, str] = json.loads(output([python, "-c", VERSIONS, *packages]))
    except NotRunError as error:
        return dict.fromkeys(packages, f"none: {error}")
    return found


def tried(ask: Callable[[], str]) -> str:
    """An answer, or why there is none."""
    try:
        return ask().strip()
    except NotRunError as error:
        return f"none: {error}"
