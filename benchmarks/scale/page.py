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
    def mib_a_core(self) -> float:
        """MiB that the larger night held, shared among the cores."""
        return float(self.large["peak_mib"]) / self.cores


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
    return "\n".join([*lines, "", "## What limits a night first", "", *_first(growth)]) + "\n"


def _hours(growth: Growth) -> float:
    return sum(growth.steps.values()) * TERABYTE / HOUR


def _cores(growth: Growth) -> Table:
    rows = [
        [
            f"{hours} h",
            f"{_cores_in(growth, hours):,.0f}",
            f"{_cores_in(growth, hours) * growth.mib_a_core / 1024:,.0f}",
            figure(_network(growth, hours)),
        ]
        for hours in WINDOWS
    ]
    return Table(
        "Cores and memory for a terabyte",
        ["night of", "cores, all busy", "memory GiB", "shuffled GB/s"],
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
    cores = _cores_in(growth, hours)
    stored = sum(growth.stored.values()) * TERABYTE / (hours * HOUR) / cores
    shuffled = 1e3 * _network(growth, hours) / cores
    held = [f"{row['peak_mib']:,.0f} MiB" for row in (growth.small, growth.large)]
    return [
        f"- **Cores are the first limit, in `{first}`**: it takes {_pct(share)} % of the cost of a "
        f"MB. In a night of {hours} h all {cores:,.0f} cores are always busy, and each shuffles "
        f"{shuffled:.1f} MB/s and stores {stored:.1f} MB/s, little for any network or disk.",
        f"- Memory: the smaller night used {held[0]} and the larger {held[1]}, for the JVM, its "
        "Python workers and the driver, on the same cores. The table gives each core its share of "
        "the larger. A task's memory is bounded by the batches of its file; the JVM uses more heap "
        "with more work, up to its maximum.",
        f"- The driver is the next limit: {growth.fixed:,.0f} s are its plans, commits and audits, "
        "one after another, and more cores do not shorten them. It also has a key for each file "
        "and each wafer of the night in memory and in its plans.",
    ]


def _pct(share: float) -> str:
    return f"{100 * share:.0f}"
