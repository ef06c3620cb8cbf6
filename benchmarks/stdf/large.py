"""A file larger than memory may be: read batch by batch, as much memory as it takes."""

import argparse
from typing import Any

from benchmarks.stdf.contenders import CONVERT_STREAMED, OURS_STREAMED
from benchmarks.stdf.homes import Homes
from benchmarks.stdf.race import MEGA, TESTS, File
from benchmarks.stdf.show import progress

BOUND_MIB = 1024


def measured(chosen: argparse.Namespace, homes: Homes) -> dict[str, Any]:
    """Read the file once with each reader that can let go of what it has read."""
    file = File.written(chosen.large_file, chosen.folder, chosen.large_mb * MEGA)
    progress(f"{file.path.name} is written: {file.megabytes:,.0f} MB")
    rows = [_read(name, file, homes) for name in (OURS_STREAMED, CONVERT_STREAMED)]
    file.remove()
    return {"large": {"file": file.kind, "bound_mib": BOUND_MIB, "readers": rows}}


def _read(name: str, file: File, homes: Homes) -> dict[str, Any]:
    told = homes.run(name, "tell", file.path, file.warm)
    run = homes.run(name, "time", file.path, file.warm)
    progress(f"{name}: {run['seconds']:.1f} s, {run['peak_mib']:,.0f} MiB at most")
    return {
        "name": name,
        "file_mb": file.megabytes,
        **run,
        "rows": sum(told[test] for test in TESTS),
        "mb_per_s": file.megabytes / run["seconds"],
        "is_within_bound": run["peak_mib"] <= BOUND_MIB,
        "told": told,
    }
