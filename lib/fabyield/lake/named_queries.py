"""Queries that are asked again and again, by name."""

from importlib.resources import files

from fabyield.errors import ConfigError, near


def named_queries() -> dict[str, str]:
    """Return the SQL of each query; its first line says in a comment what it answers."""
    found = files("fabyield.lake").joinpath("queries").iterdir()
    texts = {f.name.removesuffix(".sql"): f.read_text(encoding="utf-8") for f in found}
    return dict(sorted(texts.items()))


def named_query(name: str) -> str:
    """Return the SQL of a query; raises ConfigError for a name that there is not."""
    known = named_queries()
    if name not in known:
        raise ConfigError(f"--view {name}: no such view{near(name, known)}; {described(known)}")
    return known[name]


def described(queries: dict[str, str]) -> str:
    """Return the names of queries with what they answer."""
    lines = (f"{name}: {sql.splitlines()[0].removeprefix('-- ')}" for name, sql in queries.items())
    return "views are\n  " + "\n  ".join(lines)
