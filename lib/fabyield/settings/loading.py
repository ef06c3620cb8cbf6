"""conf/*.yml read, laid over one another, and filled in from the environment."""

import os
import re
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from fabyield.errors import ConfigError
from fabyield.settings.strict_yaml import load_yaml

FOLDERS = ("lake", "landing", "report", "log")
SQLITE = "jdbc:sqlite:"
_SECRET = re.compile(r"\$\{(\w+)\}")


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with the values of `over`; merge mappings inside, replace all else."""
    result = dict(base)
    for key, value in over.items():
        inner: Any = result.get(key)
        are_both = isinstance(value, Mapping) and isinstance(inner, Mapping)
        result[key] = merged(inner, value) if are_both else value
    return result


def read_conf(chosen: str) -> dict[str, Any]:
    """Return the mapping in conf/<chosen>.yml or, if there is none, in the file `chosen`.

    Fills in variables of the environment. Raises ConfigError if it cannot be read, is no mapping,
    or names a variable that is not set.
    """
    packaged = files("fabyield.conf").joinpath(f"{chosen}.yml")
    source = packaged if is_packaged(chosen) else Path(chosen)
    try:
        settings = load_yaml(source.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"conf {chosen}: {error}; give dev, prod or a YAML file") from error
    if not isinstance(settings, dict):
        raise ConfigError(f"conf {chosen}: not a YAML mapping of settings")
    return {key: _filled(value, key) for key, value in settings.items()}


def _filled(value: object, where: str) -> object:
    if isinstance(value, dict):
        return {key: _filled(inner, f"{where}.{key}") for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, where) for inner in value]
    if not isinstance(value, str):
        return value
    for variable in _SECRET.findall(value):
        if variable not in os.environ:
            raise ConfigError(f"{where}: the environment variable {variable} is not set")
    return _SECRET.sub(lambda found: os.environ[found[1]], value)


def is_packaged(chosen: str) -> bool:
    """Return whether `chosen` names a file of the package's own conf."""
    packaged = files("fabyield.conf").joinpath(f"{chosen}.yml")
    return re.fullmatch(r"\w+", chosen) is not None and packaged.is_file()


def read_places(chosen: str) -> dict[str, Any]:
    """Return what read_conf does; relative paths start at the folder of their own file.

    Those of the project's conf start at the project's folder, wherever a command is started.
    """
    folder = Path(chosen).absolute().parent
    is_ours = is_packaged(chosen) or folder.resolve() == project() / "conf"
    return with_places(read_conf(chosen), project() if is_ours else folder)


def project() -> Path:
    """Return the folder with conf/ and setup.py that the code or the job of this process is in.

    Returns the current folder if there is none: installed alone, the package knows no other.
    """
    near = str(files("fabyield.conf").joinpath("base.yml")), sys.argv[0]
    folders = (Path(place).resolve().parent.parent for place in near)
    found = (f for f in folders if (f / "setup.py").is_file() and (f / "conf").is_dir())
    return next(found, Path.cwd())


def with_places(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return `values` with the paths of FOLDERS, and of an SQLite file, made absolute."""
    texts = {n: v for n in FOLDERS if isinstance(v := values.get(n), str) and v}
    places: dict[str, Any] = {name: absolute(text, folder) for name, text in texts.items()}
    database = values.get("database")
    url = database.get("url") if isinstance(database, Mapping) else None
    if isinstance(database, Mapping) and isinstance(url, str) and url.startswith(SQLITE):
        file = absolute(url.removeprefix(SQLITE), folder)
        places["database"] = {**database, "url": SQLITE + file}
    return {**values, **places}


def absolute(place: str, folder: Path) -> str:
    """Return `place` as a URI or an absolute path; a relative one starts at `folder`."""
    return place if "://" in place else str(folder / place)
