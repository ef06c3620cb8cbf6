"""Measure fabyield beside others, and by itself.

`make bench` runs all benches, `make bench NAME=join` one; each has --help.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.harness import page, results
from benchmarks.harness.bench import Bench
from benchmarks.harness.machine import LOADED, commit, load_before, machine, tried
from benchmarks.harness.process import ROOT, Limits, NotRunError
from benchmarks.harness.tables import progress, show
from benchmarks.history.bench import BENCH as HISTORY
from benchmarks.join.bench import BENCH as JOIN
from benchmarks.night.bench import BENCH as NIGHT
from benchmarks.queries.bench import BENCH as QUERIES
from benchmarks.scale import page as scale
from benchmarks.simulate.bench import BENCH as SIMULATE
from benchmarks.stdf.bench import BENCH as STDF
from benchmarks.validate.bench import BENCH as VALIDATE

BENCHES = {bench.name: bench for bench in (STDF, JOIN, QUERIES, VALIDATE, NIGHT, HISTORY, SIMULATE)}
PAGE = ROOT / "docs" / "performance.md"
SCALE = ROOT / "docs" / "scale.md"
TRY = ROOT / "var" / "bench-try"


def main(given: Sequence[str]) -> int:
    """Run what is asked for; 1 where a bench could not be run."""
    named = [BENCHES[name] for name in given[:1] if name in BENCHES]
    given = given[len(named) :]
    if not named:
        # Says what is wrong with the options before the first bench is run.
        _parser(None, given).parse_args(given)
    asked = [(b, _parser(b, given).parse_args(given)) for b in named or BENCHES.values()]
    if asked[0][1].write_docs:
        _write_docs(asked[0][1].into)
        return 0
    return max(_measure(bench, chosen) for bench, chosen in asked)


def _parser(bench: Bench | None, given: Sequence[str]) -> argparse.ArgumentParser:
    name = f"benchmarks {bench.name}" if bench else "benchmarks"
    about = f"{bench.title}." if bench else __doc__
    parser = argparse.ArgumentParser(
        prog=f"python -m {name}",
        description=about,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    _add_common(parser, bench)
    if bench is None:
        parser.add_argument("bench", nargs="?", choices=list(BENCHES), help="one; all without")
        return parser
    bench.add_options(parser)
    if "--try" in given:
        parser.set_defaults(into=TRY, repeats=1, **bench.small)
    return parser


def _add_common(parser: argparse.ArgumentParser, bench: Bench | None) -> None:
    var, add = ROOT / "var", parser.add_argument
    repeats = bench.repeats if bench else 3
    add("--repeats", type=_positive, default=repeats, help="runs of each contender")
    add("--try", dest="trial", action="store_true", help=f"small sizes, once, into {TRY.name}")
    add("--into", type=Path, default=results.KEPT, help="folder of the results")
    add("--folder", type=Path, default=var / "bench", help="where data are written, and removed")
    add("--others", type=Path, default=var / "bench-venv" / "bin" / "python", help="their Python")
    add("--longest", type=float, default=Limits.seconds, help="seconds that one run may take")
    add("--most-mib", type=float, default=round(Limits.mib), help="memory that one run may take")
    add("--write-docs", action="store_true", help="write the pages of docs, measure nothing")


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError(f"{number}: at least 1")
    return number


def _measure(bench: Bench, chosen: argparse.Namespace) -> int:
    load = load_before()
    if load > LOADED:
        progress(f"{load} processes want to run: numbers are worth little on a machine in use")
    if tried(commit).endswith("-dirty"):
        progress("what is measured is in no commit: nobody else can measure it again")
    about = {"name": bench.name, "at": _now(), "machine": machine(), "load_before": load}
    chosen.folder.mkdir(parents=True, exist_ok=True)
    try:
        found = bench.measure(chosen, results.load(bench, chosen.into))
    except NotRunError as error:
        progress(f"{bench.name}: not measured: {error}")
        return 1
    results.save(bench, chosen.into, about | found)
    show(bench.tables(found))
    return 0


def _write_docs(folder: Path) -> None:
    told = [(bench, results.load(bench, folder)) for bench in BENCHES.values()]
    for bench, found in told:
        if found:
            results.draw(bench, folder, found)
    page.write(PAGE, told, folder)
    SCALE.write_text(scale.page(results.load(NIGHT, folder)))
    progress(f"{os.path.relpath(PAGE)} and {os.path.relpath(SCALE)} are written")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
