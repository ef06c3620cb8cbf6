"""Options that several commands share."""

from typing import Annotated

import typer

Conf = Annotated[str, typer.Option(help="dev, prod or a YAML file.")]
Lake = Annotated[str | None, typer.Option(help="Root of the Delta tables.")]
Landing = Annotated[str | None, typer.Option(help="Folder with stdf/, the files from the testers.")]
Report = Annotated[str | None, typer.Option(help="Where to write the page.")]
