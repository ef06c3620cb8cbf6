"""The commands `fabyield stdf ...`: look into STDF files with neither Spark nor Java.

What they need is imported where it is needed, so that help comes at once.
"""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO, TypeVar

import typer

from fabyield.cli.console import print_error
from fabyield.errors import ConfigError, FabYieldError
from fabyield.settings.settings import Settings

if TYPE_CHECKING:
    from fabyield.stdf.tools.name_rules import Naming

app = typer.Typer(
    help="Look into STDF V4 files, check them, turn them into Parquet.",
    epilog="Exit codes: 0 done, 1 failed for at least one file, 2 wrong usage or configuration, "
    "3 differences found.",
    no_args_is_help=True,
)
Retest = Literal["touch", "flag"]
Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE...", help="STDF V4 files or ATDF, plain, gzip, bzip2 or zstd."),
]
Conf = Annotated[str, typer.Option(help="dev, prod or a YAML file; says how the fab decides.")]
RetestRule = Annotated[
    Retest | None,
    typer.Option(
        help="touch: a die's later touch-down supersedes. flag: only one that says so by PART_FLG "
        "or stands in a retest file. Default: fab.retest_rule of --conf.",
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
    """Tell what is in each file, at once even of a large one.

    Test records are counted, not looked into: `check` reads them all. Yields are those within
    the file; times are the tester's own, in seconds of its local clock.
    """
    from fabyield.cli import stdf_output  # noqa: PLC0415
    from fabyield.stdf.tools.info import info as told  # noqa: PLC0415
    from fabyield.stdf.tools.outline import outline  # noqa: PLC0415

    decisions = _decisions(conf, retest_rule)
    attempts = Attempts()
    for facts in attempts.each(files, lambda path: told(outline(path), *decisions)):
        if as_json:
            typer.echo(json.dumps(facts))
        else:
            stdf_output.facts(facts)
    attempts.leave()


@app.command()
def to_parquet(
    files: Files,
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder to write to.")],
    conf: Conf = "dev",
    retest_rule: RetestRule = None,
) -> None:
    """Write parts, test_values, tests, wafers and bins as Parquet files.

    Retests are decided over all FILEs together, in order of test time, then in the order given.
    A file given twice, or cut where a more complete file of its session is given too, is left
    out and named; of files without wafers every one counts. With several FILEs each row of
    parts, wafers and bins names its file.
    """
    from fabyield.cli import stdf_output  # noqa: PLC0415
    from fabyield.stdf import batches  # noqa: PLC0415
    from fabyield.stdf.tools.outline import outline  # noqa: PLC0415
    from fabyield.stdf.tools.to_parquet import Rules  # noqa: PLC0415
    from fabyield.stdf.tools.to_parquet import to_parquet as export  # noqa: PLC0415

    rules = Rules(*_decisions(conf, retest_rule), len(files) > 1)
    attempts = Attempts()
    outlines = list(attempts.each(files, outline))
    with _progress(sum(found.tables.counts.get("PTR", 0) for found in outlines)) as on_rows:
        done = export(outlines, out, rules, batches, on_rows)
    for reason in done.broken:
        attempts.fail(reason)
    if done.files:
        stdf_output.exported(done, out)
    else:
        attempts.fail(f"nothing was written to {out}: no FILE could be read")
    attempts.leave()


@app.command()
def to_atdf(
    file: Annotated[str, typer.Argument(help="An STDF V4 file, compressed or plain.")],
    out: Annotated[
        Path | None, typer.Option(dir_okay=False, help="File to write; standard output if none.")
    ] = None,
) -> None:
    """Write a file as ATDF, a line of text per record.

    What is damaged and the records of vendors are left out and counted on standard error. ATDF
    can be read wherever STDF can: `info`, `check` and `to-parquet` take it too.
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
        # Only what fails to open has a name; what fails later is the writing.
        where = error.filename or out or "standard output"
        raise FabYieldError(f"{where}: {error.strerror or error}") from error
    if vendors:
        print_error(f"{file}: {vendors:,} records of vendors have no form in ATDF: left out")
    for one in refused:
        print_error(f"{file}: byte {one['record_offset']:,}: {one['reason']}: left out")
    if refused:
        raise typer.Exit(FAILED)


@app.command()
def check(files: Files, conf: Conf = "dev", retest_rule: RetestRule = None) -> None:
    """Compare what a file says of itself with what is in it; exit 3 if they differ.

    Counts of WRR, PCR, HBR, SBR and TSR against the parts and test results. A count that the
    tester left out is no difference. Counts that leave superseded touch-downs out agree
    "by final touch-down". ABRT_CNT is compared with PART_FLG bit 2, RTST_CNT with bits 0 and 1
    or with touch-downs after a die's first; FUNC_CNT cannot be counted.
    """
    from fabyield.cli import stdf_output  # noqa: PLC0415
    from fabyield.stdf import batches  # noqa: PLC0415
    from fabyield.stdf.tools.check import check as checked  # noqa: PLC0415
    from fabyield.stdf.tools.outline import outline  # noqa: PLC0415

    decisions = _decisions(conf, retest_rule)
    attempts = Attempts()
    found = list(
        attempts.each(files, lambda path: checked(outline(path), batches(path), *decisions))
    )
    stdf_output.checked(found)
    attempts.leave(DIFFERENT if any(one.differences for one in found) else 0)


@app.command()
def layout(
    record: Annotated[str | None, typer.Argument(help="A record, e.g. PTR; all if none.")] = None,
) -> None:
    """Print how STDF V4 records are laid out, from the declaration that reads and writes them."""
    from fabyield.cli import stdf_output  # noqa: PLC0415
    from fabyield.stdf.spec.records import RECORDS  # noqa: PLC0415

    if record is not None and record.upper() not in RECORDS:
        raise ConfigError(f"{record}: no such STDF V4 record; use one of {', '.join(RECORDS)}")
    for name in RECORDS if record is None else [record.upper()]:
        stdf_output.layout(RECORDS[name])


def _decisions(conf: str, rule: Retest | None) -> tuple["Naming", str]:
    """How the fab names wafers and insertions, and which touch-down of a die decides."""
    from fabyield.stdf.tools.name_rules import Naming  # noqa: PLC0415

    fab = Settings.load(conf).fab
    insertions = fab.insertion_rules, fab.default_insertion
    naming = Naming(fab.wafer_id_rules, *insertions, fab.lot_id_rules)
    return naming, rule or fab.retest_rule


def _check_regular(path: str) -> None:
    """Raise FabYieldError for what cannot be read twice, such as a pipe."""
    if Path(path).exists() and not Path(path).is_file():
        raise FabYieldError(f"{path}: no regular file, and it is read twice: save it as one first")


class Attempts:
    """Work on file after file; what fails is reported at once and remembered to the end."""

    def __init__(self) -> None:
        self.failed = False

    def each(self, files: Iterable[str], work: Callable[[str], T]) -> Iterator[T]:
        """The results of `work` on the files on which it succeeds."""
        for path in files:
            try:
                _check_regular(path)
                yield work(path)
            except ConfigError:
                raise
            except (FabYieldError, OSError) as error:
                self.fail(str(error))

    def fail(self, reason: str) -> None:
        """Report what failed."""
        self.failed = True
        print_error(reason)

    def leave(self, otherwise: int = 0) -> None:
        """Exit with 1 if anything failed."""
        if code := FAILED if self.failed else otherwise:
            raise typer.Exit(code)


@contextmanager
def _text_file(path: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that gets its name when it is whole."""
    if path is None:
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")  # type: ignore[union-attr]
        yield sys.stdout
        return
    # Not by tempfile: what that makes nobody else may read.
    part = path.with_name(f".{path.name}-{os.getpid()}")
    with part.open("x", encoding="utf-8", newline="\n") as text:
        try:
            yield text
        except BaseException:
            part.unlink()
            raise
    part.replace(path)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], object]]:
    """A bar on a terminal's standard error; nothing elsewhere."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    shown = Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)
    with shown:
        task = shown.add_task("test results", total=total)
        yield lambda rows: shown.advance(task, rows)
