"""What bounds the reading of STDF, by what was measured beside it."""

from benchmarks.harness.process import Row
from benchmarks.stdf.contenders import OURS, OURS_STREAMED

FLOOR = "rust-stdf"


def limits(results: Row) -> list[str]:
    """Hold each kind of file against iterating over its records, and the job against decoding."""
    said = [line for kind in results.get("kinds", ()) for line in _kind(results, kind)]
    return [*said, *_large(results.get("large")), *_spark(results.get("spark"))]


def _kind(results: Row, kind: str) -> list[str]:
    every = (row for row in results["contenders"] if row["file"] == kind and "seconds" in row)
    found: dict[str, Row] = {}
    for row in every:
        found.setdefault(row["name"], row)
    if not found.keys() >= {OURS, OURS_STREAMED, FLOOR}:
        return []
    read, batches, floor = (found[name]["seconds"] for name in (OURS, OURS_STREAMED, FLOOR))
    per_row = 1e9 * read / found[OURS]["rows"]
    return [
        f"`{kind}`: following the records and counting them, as {FLOOR} does, takes "
        f"{100 * floor / batches:.0f} % of what `{OURS_STREAMED}` takes with its columns; keeping "
        f"all columns costs another {100 * (read - batches) / read:.0f} % of `{OURS}`, "
        f"{per_row:.0f} ns a record in all."
    ]


def _large(large: Row | None) -> list[str]:
    if not large:
        return []
    row = next(row for row in large["readers"] if row["name"] == OURS_STREAMED)
    more = row["peak_mib"] - row["base_mib"]
    within = "within" if row["is_within_bound"] else "beyond"
    return [
        f"A file of {row['file_mb']:,.0f} MB takes {more:,.0f} MiB more memory than a small one, "
        f"{row['peak_mib']:,.0f} MiB in all: {within} the bound of {large['bound_mib']:,} MiB."
    ]


def _spark(spark: Row | None) -> list[str]:
    if not spark:
        return []
    run = spark["runs"][-1]
    decode, published = 100 * run["decode"] / run["to_test_values"], run["to_test_values"]
    return [
        f"From files to a committed table of PTRs, decoding is {decode:.0f} % of {published:.1f} "
        f"s; the other {100 - decode:.0f} % are Spark's audit of the rows and its writer."
    ]
