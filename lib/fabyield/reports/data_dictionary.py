"""The list of tables and their columns, from schemas/."""

from rich.table import Table as Grid

from fabyield.lake.table import Table

HEADS = {
    "bronze": "as it came",
    "silver": "joined to wafers and decided",
    "gold": "the answers",
    "ops": "what ran, and what was refused",
}
PAGE = """# Tables

<!-- Written by `make tables` from schemas/. -->

Every table is a Delta table in `<lake>/<layer>/<table>`.
`fabyield tables gold.wafer_yield` prints the columns of one, with types and units.
"""


def markdown_page(tables: list[Table]) -> str:
    """Return the list of `tables` by layer as a Markdown page."""
    lines = [PAGE]
    for layer, head in HEADS.items():
        lines += [f"## {layer}: {head}\n", "| table | about | key | owner |", "|---|---|---|---|"]
        for table in (table for table in tables if table.layer == layer):
            key = ", ".join(f"`{column}`" for column in table.key)
            lines.append(f"| `{table.table}` | {table.about} | {key} | {table.owner} |")
        lines.append("")
    return "\n".join(lines)


def tables_grid(tables: list[Table]) -> Grid:
    """Return the list of `tables` as a grid to print."""
    grid = Grid("table", "owner", "key", "about")
    for table in tables:
        grid.add_row(table.table, table.owner, ", ".join(table.key), table.about)
    return grid


def columns_grid(table: Table) -> Grid:
    """Return the columns of `table` as a grid to print."""
    title = f"{table.table}: {table.about}"
    grid = Grid("column", "type", "unit", "required", "about", title=title)
    for column, spec in table.columns.items():
        grid.add_row(column, spec.type, spec.unit or "", "yes" if spec.required else "", spec.about)
    return grid
