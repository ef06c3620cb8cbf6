"""Simulate a fab from the command line."""

import argparse
import logging
import sys
from pathlib import Path

from fabyield.errors import FabYieldError
from fabyield.simulate import Plan, simulate

log = logging.getLogger("fabyield.simulate")


def main(arguments: list[str] | None = None) -> int:
    """Run with `arguments`, by default those of the command line; 1 if the plan is wrong."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given = _options().parse_args(arguments)
    try:
        plan = Plan.load(given.plan)
        lots = plan.line.lots if given.lots is None else given.lots
        wafers = plan.line.wafers_per_lot if given.wafers_per_lot is None else given.wafers_per_lot
        plan = plan.sized(lots, wafers)
        simulate(plan, given.landing, given.database, given.truth, log.info)
    except FabYieldError as error:
        log.error("%s", error)
        return 1
    return 0


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(prog="python -m fabyield.simulate", description=__doc__)
    for name, about in (
        ("landing", "folder for the STDF files"),
        ("database", "the factory's SQLite file"),
        ("truth", "folder for what is true, outside landing"),
    ):
        options.add_argument(f"--{name}", type=Path, required=True, help=about)
    options.add_argument("--plan", type=Path, help="YAML file instead of conf/simulate.yml")
    options.add_argument("--lots", type=int, help="sorted lots")
    options.add_argument("--wafers-per-lot", type=int, help="wafers in each lot")
    return options


if __name__ == "__main__":
    sys.exit(main())
