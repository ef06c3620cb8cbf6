"""The commands `fabyield stdf ...`: work with STDF files, without Spark or Java.

The commands import slow modules themselves, so that help stays fast.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO, TypeVar

import typer

from fabyield.cli.console import print_error
from fabyield.errors import ConfigError, FabYieldError

app = typer.Typer(
    help="Inspect and check STDF V4 files, and convert them to Parquet.",
    epilog="Exit codes: 0 done, 1 failed for at least one file, 2 wrong usage or configuration, "
    "3 differences found.",
    no_args_is_help=True,
)
Retest = Literal["touch", "flag"]
Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE...", help="STDF V4 files or ATDF, plain, gzip, bzip2 or zstd."),
]
Conf = Annotated[str, typer.Option(help="dev, prod or a YAML file with the rules of the fab.")]
RetestRule = Annotated[
    Retest | None,
    typer.Option(
        help="touch: a die's later touch-down replaces the earlier one. flag: only if PART_FLG or "
        "a retest file says so. Default: fab.retest_rule of --conf.",
    ),
]
FAILED, DIFFERENT = 1, 3
T = TypeVar("T")


@app.command()
def info(
    files: Files,
    conf: Conf = "dev",
    retest_rule: RetestRule = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per file and line.")
    ] = False,
) -> None:
    """Print the contents of each file, fast even for a large one.

    Test records are only counted; `check` reads them. Yields are within the file; times are
    seconds on the tester's local clock.
    """
    from fabyield.cli import stdf_output  # noqa: PLC0415
    from fabyield.stdf.tools.info import info as info_of  # noqa: PLC0415
    from fabyield.stdf.tools.outline import outline  # noqa: PLC0415

    decisions = stdf_output.decisions(conf, retest_rule)
    attempts = Attempts()
    for facts in attempts.results(files, lambda path: info_of(outline(path), *decisions)):
        if as_json:
            typer.echo(json.dumps(facts))
        else:
            stdf_output.print_info(facts)
    attempts.exit()


@app.command()
def to_parquet(
    files: Files,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write to.")],
    conf: Conf = "dev",
    retest_rule: RetestRule = None,
) -> None:
    """Write parts, test_values, tests, wafers and bins as Parquet files.

    Retests are decided over all FILEs together, by test time, then by their order. A file that
    is given twice, or a cut one with a more complete file of the same session, is left out and
    reported; files without wafers are never left out. With several FILEs, each row of parts,
    wafers and bins names its file.
    """
    from fabyield.cli import stdf_output  # noqa: PLC0415
    from fabyield.stdf import batches  # noqa: PLC0415
    from fabyield.stdf.tools.outline import outline  # noqa: PLC0415
    from fabyield.stdf.tools.to_parquet import Rules  # noqa: PLC0415
    from fabyield.stdf.tools.to_parquet import to_parquet as export  # noqa: PLC0415

    rules = Rules(*stdf_output.decisions(conf, retest_rule), len(files) > 1)
    attempts = Attempts()
    outlines = list(attempts.results(files, outline))
    with stdf_output.progress(sum(one.tables.counts.get("PTR", 0) for one in outlines)) as on_rows:
        done = export(outlines, out, rules, batches, on_rows)
    for reason in done.broken:
        attempts.fail(reason)
    if done.files:
        stdf_output.print_export(done, out)
    else:
        attempts.fail(f"no FILE could be read: nothing was written to {out}")
    attempts.exit()


@app.command()
def to_atdf(
    file: Annotated[str, typer.Argument(help="An STDF V4 file, compressed or plain.")],
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File to write; default: standard output.")
    ] = None,
) -> None:
    """Write a file as ATDF, one line of text per record.

    Damaged data and the records of vendors are left out and reported on standard error. `info`,
    `check` and `to-parquet` read ATDF as they read STDF.
    """
    from fabyield.stdf import records, write_atdf  # noqa: PLC0415

    _check_regular(file)
    refused: list[dict[str, Any]] = []

    def read() -> Iterator[Any]:
        refused.clear()
        return records(file, refused)

    try:
        with _text_file(out) as text:
            vendors = write_atdf(read, text)
    except BrokenPipeError:
        raise
    except OSError as error:
        # Only an error of open() has a file name; a later one is an error of writing.
        where = error.filename or out or "standard output"
        raise FabYieldError(f"{where}: {error.strerror or error}") from error
    if vendors:
        print_error(f"{file}: {vendors:,} records of vendors do not exist in ATDF: left out")
    for one in refused:
        print_error(f"{file}: byte {one['record_offset']:,}: {one['reason']}: left out")
    if refused:
        raise typer.Exit(FAILED)


@app.command()
def check(files: Files, conf: Conf = "dev", retest_rule: RetestRule = None) -> None:
    """Compare the counts in a file with its parts and test results; exit 3 if they differ.

    Covers WRR, PCR, HBR, SBR and TSR; a missing count is no difference. Testers count by
    different habits, and the one by which all counts of a name agree is printed: docs/stdf.md has
    the list. FUNC_CNT is not checked.
    """
    from fabyield.cli import stdf_output  # noqa: PLC0415
    from fabyield.stdf import batches  # noqa: PLC0415
    from fabyield.stdf.tools.check import check as check_file  # noqa: PLC0415
    from fabyield.stdf.tools.outline import outline  # noqa: PLC0415

    decisions = stdf_output.decisions(conf, retest_rule)
    attempts = Attempts()
    found = list(
        attempts.results(files, lambda path: check_file(outline(path), batches(path), *decisions))
    )
    stdf_output.print_check(found)
    attempts.exit(DIFFERENT if any(one.differences for one in found) else 0)


@app.command()
def layout(
    record: Annotated[str | None, typer.Argument(help="A record, e.g. PTR; default: all.")] = None,
) -> None:
    """Print the layout of STDF V4 records, as the reader and the writer use it."""
    from fabyield.cli import stdf_output  # noqa: PLC0415
    from fabyield.stdf.spec.records import RECORDS  # noqa: PLC0415

    if record is not None and record.upper() not in RECORDS:
        raise ConfigError(f"{record}: not an STDF V4 record; use one of {', '.join(RECORDS)}")
    for name in RECORDS if record is None else [record.upper()]:
        stdf_output.print_layout(RECORDS[name])


def _check_regular(path: str) -> None:
    """Raise FabYieldError if a file cannot be read twice, such as a pipe."""
    if Path(path).exists() and not Path(path).is_file():
        raise FabYieldError(
            f"{path}: not a regular file; save it as one first, because it is read twice"
        )


class Attempts:
    """Work on many files: errors are printed at once, and set the exit code at the end."""

    def __init__(self) -> None:
        self.failed = False

    def results(self, files: Iterable[str], work: Callable[[str], T]) -> Iterator[T]:
        """Yield the result of `work` for each file without an error."""
        for path in files:
            try:
                _check_regular(path)
                yield work(path)
            except ConfigError:
                raise
            except (FabYieldError, OSError) as error:
                self.fail(str(error))

    def fail(self, reason: str) -> None:
        """Print the reason of a failure."""
        self.failed = True
        print_error(reason)

    def exit(self, code: int = 0) -> None:
        """Exit with 1 if anything failed, else with `code`."""
        raise typer.Exit(FAILED if self.failed else code)


@contextmanager
def _text_file(path: Path | None) -> Iterator[TextIO]:
    """Open standard output, or a file that gets its name once it is complete."""
    if path is None:
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
        yield sys.stdout
        return
    # tempfile would make a file that nobody else may read.
    part = path.with_name(f".{path.name}-{os.getpid()}")
    with part.open("x", encoding="utf-8", newline="\n") as text:
        try:
            yield text
        except BaseException:
            part.unlink()
            raise
    part.replace(path)
