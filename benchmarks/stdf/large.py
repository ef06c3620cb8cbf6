"""A file larger than memory may be: read batch by batch, as much memory as it takes."""

import argparse

from benchmarks.harness.clock import MEGA
from benchmarks.harness.process import Row
from benchmarks.harness.tables import progress
from benchmarks.stdf.contenders import CONVERT_STREAMED, OURS_STREAMED
from benchmarks.stdf.homes import Homes
from benchmarks.stdf.race import File, measures, told_by

BOUND_MIB = 1024


def measured(chosen: argparse.Namespace, homes: Homes) -> Row:
    """Read the file once with each reader that can let go of what it has read."""
    file = File.written(chosen.large_file, homes.folder, chosen.large_mb * MEGA)
    progress(f"{file.path.name} is written: {file.megabytes:,.0f} MB")
    rows = [_read(name, file, homes) for name in (OURS_STREAMED, CONVERT_STREAMED)]
    file.remove()
    return {"large": {"file": file.kind, "bound_mib": BOUND_MIB, "readers": rows}}


def _read(name: str, file: File, homes: Homes) -> Row:
    told = told_by(homes, name, file)
    run = homes.run(name, "time", file.path, file.warm)
    progress(f"{name}: {run['seconds']:.1f} s, {run['peak_mib']:,.0f} MiB at most")
    row = measures({"name": name, "file_mb": file.megabytes, **run, "told": told}, file.megabytes)
    return {**row, "is_within_bound": run["peak_mib"] <= BOUND_MIB}
