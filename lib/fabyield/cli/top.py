"""The command `fabyield top`."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from fabyield.cli.console import console
from fabyield.errors import plain
from fabyield.pipeline.commands import Conf, Lake
from fabyield.settings.settings import Settings

SQL = "SELECT * FROM gold.excursion ORDER BY state = 'ended', lost_good_die DESC"
EVIDENCE = """
  SELECT * FROM gold.excursion_evidence WHERE kind <> 'soft_bin'
  ORDER BY list_position(['zone', 'test', 'hard_bin', 'alike', 'bystander'], kind), evidence_rank
"""


def top(
    conf: Conf = "dev",
    lake: Lake = None,
    every: Annotated[bool, typer.Option("--all", help="Show what has ended, too.")] = False,
) -> None:
    """Print the findings, most lost die first, with the evidence for each."""
    from fabyield.cli.query_output import answer  # noqa: PLC0415

    folder = Settings.load(conf, lake=lake).lake
    evidence = answer(EVIDENCE, folder).to_pylist()
    found = [row for row in answer(SQL, folder).to_pylist() if every or row["state"] != "ended"]
    for row in found:
        mine = [one for one in evidence if one["excursion_id"] == row["excursion_id"]]
        for line in lines(row, mine):
            console().print(line, markup=False, highlight=False)
    if not found:
        console().print("No finding is open: the low wafers have no place in common.")


def lines(finding: dict[str, Any], evidence: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a finding and the evidence for it as lines of text."""
    yield plain(finding["finding"])
    lost, since = finding["lost_good_die"], finding["first_found_on"]
    yield f"  {finding['state']}, first found on {since}, {lost:,.0f} good die lost"
    for row in evidence:
        subject = plain(row["subject"])
        if row["kind"] in ("bystander", "alike"):
            yield f"  {row['kind']:<9} {subject}"
        elif row["other_value"] is not None and row["evidence_rank"] <= 4:
            unit = "sigma" if row["kind"] == "test" else "points"
            values = f"{row['value']:.4g} for {row['other_value']:.4g} {row['unit'] or ''}"
            yield f"  {row['kind']:<9} {subject}: {values}, {row['difference']:+.2f} {unit}"
    waiting = [plain(row["subject"]) for row in evidence if row["kind"] == "in_line_lot"]
    if waiting:
        yield f"  in line   {', '.join(waiting)}"
