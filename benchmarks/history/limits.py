"""Which steps of a night grow with what the lake already holds."""

from benchmarks.harness.process import Row
from benchmarks.harness.shares import busy, disk

GROWS = 1.2


def limits(results: Row) -> list[str]:
    """Compare the night after the longest history with that after the shortest, step by step."""
    rows = [row for row in results["contenders"] if "seconds" in row]
    if len(rows) < 2:
        return []
    first, last = rows[0], rows[-1]
    whole = (
        f"The same night after {last['name']} of history takes {last['seconds']:.1f} s in place of "
        f"{first['seconds']:.1f} s after {first['name']}: {last['times_ours']:.2f} times as long, "
        f"with {last['cpu_times_ours']:.2f} times the processor time."
    )
    steps = f"Steps that take over {GROWS} times as long: {_grown(first, last) or 'none'}."
    cores = f"{last['name']}: {busy(last, results['machine']['cores'])}; {disk(last)}."
    return [whole, steps, cores]


def _grown(first: Row, last: Row) -> str:
    before, after = first["stages"], last["stages"]
    more = {name: after[name] - before[name] for name in before}
    grown = [name for name in more if after[name] > GROWS * before[name]]
    order = sorted(grown, key=lambda name: more[name], reverse=True)
    return ", ".join(f"`{n}` {before[n]:.1f} to {after[n]:.1f} s" for n in order)
