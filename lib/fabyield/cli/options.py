"""Options that several commands take."""

from typing import Annotated

import typer

Conf = Annotated[str, typer.Option(help="dev, prod or a YAML file.")]
Lake = Annotated[str | None, typer.Option(help="Root of the Delta tables.")]
Landing = Annotated[str | None, typer.Option(help="Folder whose stdf/ the testers deliver to.")]
Report = Annotated[str | None, typer.Option(help="The page to write.")]
