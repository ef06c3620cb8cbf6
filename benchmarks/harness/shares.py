"""What share of a machine was in use, in words."""

from collections.abc import Mapping

from benchmarks.harness.process import Row

BOUND = 0.8


def busy(row: Row, cores: int) -> str:
    """Say how much of all cores a run had, and whether they are what held it up."""
    share = row["cpu_seconds"] / (row["seconds"] * cores)
    verdict = "bound by the processor" if share > BOUND else "not bound by the processor alone"
    return f"{100 * share:.0f} % of {cores} cores in use, so {verdict}"


def disk(row: Row) -> str:
    """Say how fast a run read from the disk and wrote to it; what the cache holds is not read."""
    read, written = (row[name] / row["seconds"] for name in ("read_mb", "written_mb"))
    return f"{read:,.0f} MB/s read from the disk, {written:,.0f} MB/s written to it"


def largest(stages: Mapping[str, float], count: int = 3) -> str:
    """Name the stages that take most, with their share."""
    total = sum(stages.values())
    order = sorted(stages, key=lambda name: stages[name], reverse=True)[:count]
    return ", ".join(f"`{name}` {100 * stages[name] / total:.0f} %" for name in order)
