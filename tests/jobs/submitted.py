"""Jobs over a fab in processes of their own, that can be stopped, and killed after a commit."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import yaml

from tests.jobs.conftest import FEW_TASKS, Fab

JOBS = Path(__file__).resolve().parents[2] / "jobs"
SUBMIT = Path(sys.executable).with_name("spark-submit")
# Kills the driver's group right after the first commit to each of some tables. Audits publish
# nothing, and take most of a small night's time.
KILLER = """
import os, signal, sys
from pathlib import Path
if any(Path(word).parent == Path({jobs!r}) for word in sys.orig_argv):
    from fabyield.quality import expectations as validate
    from fabyield.lake.store import Store
    validate.batch_expectations = lambda table: []
    def dying(write):
        def writing(store, table, *rest):
            write(store, table, *rest)
            mark = Path({marks!r}) / table.table
            if table.table in {tables!r} and not mark.exists():
                mark.touch()
                os.killpg(0, signal.SIGKILL)
        return writing
    for way in ("append", "merge", "mirror", "replace"):
        setattr(Store, way, dying(getattr(Store, way)))
"""


class Submitted(subprocess.Popen[str]):
    """A job over `fab`, with more `sections` of its conf, in a group of processes of its own."""

    def __init__(
        self,
        fab: Fab,
        job: str,
        name: str = "here",
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        **sections: Mapping[str, object],
    ) -> None:
        self.said = fab.root / name / f"{job}.log"
        self.output = fab.root / f"{name}.out"
        given = fab.settings
        settings = {name: getattr(given, name) for name in ("lake", "landing", "report")}
        settings |= {"fab": asdict(given.fab), "database": {"url": given.database.url}}
        settings |= {"night": asdict(given.night)}
        settings |= {"log": str(self.said.parent)} | sections
        settings["spark"] = FEW_TASKS | dict(sections.get("spark", {}))
        conf = fab.root / f"{name}.yml"
        conf.write_text(yaml.safe_dump(settings))
        command = [str(SUBMIT), *options, str(JOBS / f"{job}.py"), f"--conf={conf}"]
        with self.output.open("w") as output:
            super().__init__(
                command,
                cwd=fab.root,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def says(self, text: str) -> None:
        """Wait until its log has `text`."""
        while not (self.said.exists() and text in self.said.read_text()):
            assert self.poll() is None, f"ended without {text!r}"
            time.sleep(0.05)

    def send(self, sign: int) -> None:
        os.killpg(self.pid, sign)

    def __exit__(self, *error: object) -> None:
        if self.poll() is None:
            self.send(signal.SIGKILL)
        super().__exit__(*error)


def dying(folder: Path, tables: Iterable[str]) -> dict[str, str]:
    """The environment in which a job is killed after its first commit to each of `tables`.

    Once for each of them, which then has a file in `folder`.
    """
    folder.mkdir()
    killer = KILLER.format(jobs=str(JOBS), marks=str(folder), tables=tuple(tables))
    site = folder.with_name(f"{folder.name}-site")
    site.mkdir()
    (site / "sitecustomize.py").write_text(killer)
    return {"PYTHONPATH": f"{site}:{os.environ.get('PYTHONPATH', '')}".rstrip(":")}
