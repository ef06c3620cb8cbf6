"""The commands of a night, which `fabyield` hands to spark-submit."""

import os
import sys
from importlib.resources import as_file, files
from pathlib import Path

from fabyield.errors import ConfigError
from fabyield.pipeline.java import check_java


def submit(*_: object) -> None:
    """Replace this process by spark-submit of jobs/nightly.py with the same command line."""
    script = Path(sys.prefix, "bin", "spark-submit")
    if not script.exists():
        raise ConfigError(f"{script}: not found; install pyspark in the same environment")
    check_java()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with as_file(files("fabyield.jobs").joinpath("nightly.py")) as job:
        sys.stdout.flush()
        os.execv(script, [str(script), str(job), *sys.argv[1:]])
