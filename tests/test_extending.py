"""The recipes of docs/extending.md, followed to the letter on a copy of the project."""

import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree, ignore_patterns

import pytest

from fabyield.lake.catalog import WAFER_YIELD
from fabyield.lake.store import Store

ROOT = Path(__file__).parent.parent
# A block of code says in its first line which file it is, or after which line of one it goes.
BLOCK = re.compile(r"^```\w+ (file|after)=([\w/.]+)(?::([\w.]+))?\n(.*?)^```$", re.M | re.S)
BESIDE = ("conf", "expectations", "jobs", "schemas")
ALERT = """
import os
from fabyield.quality import alerts
alert = alerts.Alert("me", "gold.lot_yield", "warn", "low", "70 %", "etch")
alerts.check(["file"])
alerts.send([alert], ["file"])
"""


def follow(recipes, root):
    """Write the blocks of `recipes` into the project at `root`; the files that were touched."""
    touched = []
    for kind, name, mark, code in BLOCK.findall(recipes):
        file = root / name
        touched.append(name)
        if kind == "file":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(code)
            continue
        lines = file.read_text().splitlines(keepends=True)
        place = max(number for number, line in enumerate(lines) if line.startswith(mark))
        lines[place + 1 : place + 1] = ["\n", code, "\n"]
        # A module's imports are at its top, as the recipe says.
        file.write_text("".join(lines).replace("import logging\n", "import logging\nimport os\n"))
    return touched


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project to which everything on the page has been added."""
    root = tmp_path_factory.mktemp("project")
    for name in (*BESIDE, "lib"):
        copytree(ROOT / name, root / name, ignore=ignore_patterns("__pycache__", *BESIDE))
    for name in BESIDE:
        (root / "lib" / "fabyield" / name).symlink_to(root / name)
    touched = follow((ROOT / "docs" / "extending.md").read_text(), root)
    assert len(touched) == 10
    return root


@pytest.fixture
def call(project):
    """`call("python", "-c", code)`: what that program says, with that project."""

    def run(program, *words, **environment):
        environment = {**os.environ, "PYTHONPATH": str(project / "lib"), **environment}
        command = [str(Path(sys.executable).with_name(program)), *map(str, words)]
        done = subprocess.run(
            command, env=environment, cwd=project, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


CLI = "import sys; from fabyield.cli.app import main; sys.argv[0] = 'fabyield'; main()"


def test_table_is_in_the_data_dictionary_and_its_job_among_the_steps(call):
    assert "final_yield_pct" in call("python", "-c", CLI, "tables", "gold.lot_yield")

    assert re.search(r"lot_yield .* gold\.wafer_yield", call("python", "-c", CLI, "lineage"))


def test_expectations_are_those_of_the_page(call):
    code = "from fabyield.lake.catalog import ALL; from fabyield.quality.checks import check_suites"
    code += "; check_suites(ALL.values()); print(*ALL['gold.wafer_yield'].expectations)"

    assert "tested_die" in call("python", "-c", code)


def test_command_prints(call):
    assert "yield-engineering: " in call("python", "-c", CLI, "owners")


def test_channel_sends(call, tmp_path):
    call("python", "-c", ALERT, FABYIELD_ALERTS=str(tmp_path / "alerts"))

    assert (tmp_path / "alerts").read_text().startswith("warn gold.lot_yield (owner me): low")


@pytest.mark.soak
def test_test_of_the_transform_passes(call, project):
    for name in ("conftest.py", "frames.py", "postgresql.py", "s3.py", "__init__.py"):
        if (ROOT / "tests" / name).exists():
            (project / "tests" / name).write_text((ROOT / "tests" / name).read_text())

    assert "1 passed" in call(
        "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/transforms"
    )


@pytest.mark.soak
def test_job_makes_its_table(call, project, spark, settings, rows):
    wafers = [
        {"wafer_key": key, "lot_id": "A", "insertion": "CP1", "good_die": good, "tested_die": 100}
        for key, good in ((1, 90), (2, 60))
    ]
    Store(spark, settings.lake).replace(WAFER_YIELD, rows(WAFER_YIELD, *wafers), "true")

    call("spark-submit", project / "jobs" / "lot_yield.py", "--lake", settings.lake)

    stored = spark.read.format("delta").load(f"{settings.lake}/gold/lot_yield").collect()
    assert [(row["lot_id"], row["insertion"], row["final_yield_pct"]) for row in stored] == [
        ("A", "CP1", 75.0)
    ]
