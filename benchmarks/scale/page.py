"""docs/scale.md, computed from the measured nights."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.page import MARK
from benchmarks.harness.process import Row
from benchmarks.harness.tables import Table, figure, markdown
from benchmarks.night.limits import of_nights

ABOUT = Path(__file__).with_name("about.md")
TERABYTE = 1_000_000
HOUR = 3600
WINDOWS = (2, 4, 8)
DAYS = 365
UNMEASURED = "Not measured yet: `make bench NAME=night` over two sizes of night."


@dataclass(frozen=True)
class Growth:
    """What a MB more adds to a night, from a small one and a large one."""

    small: Row
    large: Row
    cores: int

    @property
    def mb(self) -> float:
        """How much larger the large night is."""
        return float(self.large["mb"] - self.small["mb"])

    @property
    def steps(self) -> dict[str, float]:
        """Core-seconds that each step takes for a MB."""
        before, after = self.small["stages"], self.large["stages"]
        more = {step: max(0.0, after[step] - before[step]) for step in after}
        return {step: seconds * self.cores / self.mb for step, seconds in more.items()}

    @property
    def fixed(self) -> float:
        """Seconds of a night whatever it brings."""
        taken = (self.large["seconds"] - self.small["seconds"]) / self.mb
        return max(0.0, float(self.small["seconds"] - taken * self.small["mb"]))

    @property
    def shuffled(self) -> float:
        """MB shuffled for a MB."""
        return float(self.large["shuffle_mb"] - self.small["shuffle_mb"]) / self.mb

    @property
    def stored(self) -> dict[str, float]:
        """MB of data files for a MB, by layer."""
        before, after = self.small["lake_mb"], self.large["lake_mb"]
        return {layer: (after[layer] - before[layer]) / self.mb for layer in after}

    @property
    def peak_mib(self) -> float:
        """MiB that memory grows by for a MB."""
        return float(self.large["peak_mib"] - self.small["peak_mib"]) / self.mb


def page(night: Row) -> str:
    """Write the page from the results of the bench `night`."""
    nights = of_nights(night, "nightly") if night else []
    measured = len(nights) > 1 and "shuffle_mb" in nights[-1]
    lines = [MARK, "", ABOUT.read_text().strip(), ""]
    if not measured:
        return "\n".join([*lines, UNMEASURED]) + "\n"
    growth = Growth(nights[0], nights[-1], night["machine"]["cores"])
    compared = f"{nights[0]['mb']:,.0f} MB and {nights[-1]['mb']:,.0f} MB"
    on = f"{night['machine']['processor']}, {growth.cores} cores"
    lines += [f"Nights of {compared}, {night['at'][:10]}, {on}, {night['versions']['fabyield']}."]
    for table in (_cores(growth), _steps(growth), _data(growth)):
        lines += ["", f"## {table.title}", "", *markdown(table)]
    return "\n".join([*lines, "", "## What gives way first", "", *_first(growth)]) + "\n"


def _hours(growth: Growth) -> float:
    return sum(growth.steps.values()) * TERABYTE / HOUR


def _cores(growth: Growth) -> Table:
    rows = [
        [f"{hours} h", f"{_cores_in(growth, hours):,.0f}", figure(_network(growth, hours))]
        for hours in WINDOWS
    ]
    return Table(
        "Cores for a terabyte",
        ["night of", "cores, all busy", "shuffled GB/s"],
        rows,
    )


def _cores_in(growth: Growth, hours: float) -> float:
    return _hours(growth) / max(hours - growth.fixed / HOUR, 1e-9)


def _network(growth: Growth, hours: float) -> float:
    return growth.shuffled * TERABYTE / 1e3 / (hours * HOUR)


def _steps(growth: Growth) -> Table:
    total = sum(growth.steps.values()) or 1.0
    order = sorted(growth.steps.items(), key=lambda step: step[1], reverse=True)
    rows = [
        [name, figure(1e3 * seconds, 1), f"{seconds * TERABYTE / HOUR:,.1f}", _pct(seconds / total)]
        for name, seconds in order
    ]
    heads = ["step", "core-ms per MB", "core-hours for 1 TB", "% of all"]
    return Table("Work by step", heads, rows)


def _data(growth: Growth) -> Table:
    layers = [
        [f"stored, {layer}", f"{ratio:.3f}", f"{ratio * 1e3:,.0f}", f"{ratio * DAYS:,.0f}"]
        for layer, ratio in growth.stored.items()
    ]
    shuffle = ["shuffled", f"{growth.shuffled:.3f}", f"{growth.shuffled * 1e3:,.0f}", ""]
    heads = ["step", "MB per MB", "GB a night", "TB a year"]
    return Table("Storage and shuffle for a terabyte", heads, [*layers, shuffle])


def _first(growth: Growth) -> list[str]:
    steps = growth.steps
    first = max(steps, key=lambda name: steps[name])
    share = steps[first] / (sum(steps.values()) or 1.0)
    hours = min(WINDOWS)
    held = growth.large["peak_mib"]
    return [
        f"- Work: `{first}` is {_pct(share)} % of what a MB costs. It is the first to be short of "
        "cores, and the first worth making faster.",
        f"- Memory: both nights hold at most {held:,.0f} MiB, the JVM, its Python workers and the "
        f"driver together; {1e3 * growth.peak_mib:,.1f} MiB more for a GB more. What a task holds "
        "is bounded by its file's batches, so that a core needs the same however much the night "
        "brings.",
        f"- Network: {_network(growth, hours):.2f} GB/s of shuffle in a night of {hours} h, over "
        f"{_cores_in(growth, hours):,.0f} cores: "
        f"{1e3 * _network(growth, hours) / max(_cores_in(growth, hours), 1):.1f} MB/s a core.",
        f"- The fixed {growth.fixed:,.0f} s are the driver's: plans, commits and audits, one after "
        "another. They do not shrink with more cores; on a terabyte they are the end of what more "
        "cores can bring.",
    ]


def _pct(share: float) -> str:
    return f"{100 * share:.0f}"
