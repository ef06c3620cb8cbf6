import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fabyield.errors import BusyError
from fabyield.lake.locks.single_writer import as_single_writer
from fabyield.settings.sections import Leasing

HOLD = """
import sys
from fabyield.lake.locks.single_writer import as_single_writer
work = lambda: (print("held", flush=True), sys.stdin.read())
as_single_writer(sys.argv[1], work, what="nightly")
"""


@pytest.fixture
def first(tmp_path):
    """Another process that holds <tmp_path>/lake until its input ends, or it is killed."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "lake")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


@pytest.mark.parametrize("ending", ["ends", "is killed"])
def test_f03_second_run_on_a_lake_waits_for_the_first_and_logs_who_that_is(
    tmp_path, first, caplog, ending
):
    caplog.set_level("INFO", "fabyield")
    lake, done = str(tmp_path / "lake"), []

    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(as_single_writer, lake, lambda: done.append("done"))
        while "waiting" not in caplog.text:
            assert not second.done()
            time.sleep(0.05)
        assert not done
        first.kill() if ending == "is killed" else first.stdin.close()
        second.result()

    assert done == ["done"]
    assert f"{lake} is written by nightly (process {first.pid} on " in caplog.text


@pytest.mark.parametrize("mark", ["", "file://"])
def test_f03_second_run_gives_up_after_its_time_and_says_on_whom(tmp_path, first, mark):
    message = (
        rf"still written by nightly \(process {first.pid} .* after 0 s; .* lease\.wait_seconds"
    )

    with pytest.raises(BusyError, match=message):
        as_single_writer(f"{mark}{tmp_path}/lake", lambda: None, Leasing(wait_seconds=0))


def test_f03_lock_that_does_not_say_whose_it_is_is_waited_for_all_the_same(tmp_path, first):
    (tmp_path / "lake" / "_lock").write_text("")

    with pytest.raises(BusyError, match="still written by another run"):
        as_single_writer(f"{tmp_path}/lake", lambda: None, Leasing(wait_seconds=0))
