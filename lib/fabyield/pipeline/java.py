"""The Java that Spark will run on, looked at before Spark is started."""

import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path

from fabyield.errors import ConfigError

LEAST = 17
VERSION = re.compile(r'^JAVA_VERSION="(?:1\.)?(\d+)', re.MULTILINE)
REMEDY = (
    f"install Java {LEAST} or newer (Debian: apt install openjdk-{LEAST}-jre-headless), or set "
    "JAVA_HOME to its folder"
)


def check_java() -> None:
    """Raise ConfigError where Spark would find no Java, or one too old; start none."""
    if _may_be_set_by_spark():
        return
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home, "bin", "java")) if home else shutil.which("java")
    if found is None:
        raise ConfigError(f"JAVA_HOME is not set, and there is no java on PATH: {REMEDY}")
    said = f"JAVA_HOME is {home}" if home else "JAVA_HOME is not set"
    if not os.access(found, os.X_OK):
        wrong = "cannot be executed" if os.path.exists(found) else "does not exist"
        raise ConfigError(f"{said}, but {found} {wrong}: {REMEDY}")
    version = _version(Path(found).resolve().parent.parent)
    if version is not None and version < LEAST:
        raise ConfigError(f"{said}, and {found} is Java {version}: {REMEDY}")


def _may_be_set_by_spark() -> bool:
    """Return whether spark-env.sh, which may set JAVA_HOME, exists."""
    spec = find_spec("pyspark")
    spark = os.environ.get("SPARK_HOME") or Path(str(spec and spec.origin)).parent
    return Path(os.environ.get("SPARK_CONF_DIR") or Path(spark, "conf"), "spark-env.sh").exists()


def _version(home: Path) -> int | None:
    """Return the version in the `release` file of a Java, None if there is none."""
    try:
        found = VERSION.search((home / "release").read_text())
    except (OSError, UnicodeDecodeError):
        return None
    return int(found[1]) if found else None
