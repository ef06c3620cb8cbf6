"""What is seen of a process from outside."""

import sys
import time

import psutil
import pytest

from benchmarks.harness.process import ROOT, Limits, NotRunError, run_command, run_module
from benchmarks.harness.scratch import scratch

SLEEP = "import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"


def python(code):
    return [sys.executable, "-c", code]


def asleep(mark):
    return [p for p in psutil.process_iter(["cmdline"]) if mark in (p.info["cmdline"] or [])]


def test_memory_and_work_of_children_count_and_what_is_printed_is_no_answer():
    row = run_module(sys.executable, "tests.benchmarks.noisy", {"told": 7}, Limits())

    assert row["told"] == 7
    assert row["peak_mib"] > 96
    assert row["cpu_seconds"] > 0.45


def test_a_process_that_takes_too_long_is_ended_with_its_children():
    inner = f"import time; time.sleep(60)  # {time.time_ns()}"

    with pytest.raises(NotRunError, match=r"not done after \d s, 1 are given"):
        run_command(python(SLEEP.format(inner=inner)), Limits(seconds=1))

    assert not asleep(inner)


def test_a_process_that_takes_too_much_memory_is_ended():
    with pytest.raises(NotRunError, match=r"took \d+ MiB of memory, 64 are given"):
        run_command(
            python("import time; b = bytearray(128 * 2**20); time.sleep(60)"), Limits(mib=64)
        )


def test_a_peak_that_a_program_says_itself_stands():
    assert run_command(python("print('{\"peak_mib\": 4}')"), Limits())["peak_mib"] == 4


def test_a_failure_is_told_by_its_last_words():
    with pytest.raises(NotRunError, match=r"^ValueError: no such wafer$"):
        run_command(python("raise ValueError('no such wafer')"), Limits())


def test_a_reason_does_not_say_where_the_repository_lies():
    assert str(NotRunError(f"no such file: {ROOT}/var/bench/x")) == "no such file: var/bench/x"


def test_a_missing_program_is_no_crash():
    with pytest.raises(NotRunError, match="no-such-program"):
        run_command(["no-such-program"], Limits())


def test_data_are_gone_however_a_bench_ends(tmp_path):
    with pytest.raises(KeyboardInterrupt), scratch(tmp_path / "data") as folder:
        (folder / "file").touch()
        raise KeyboardInterrupt

    assert not (tmp_path / "data").exists()


def test_a_folder_that_no_bench_has_made_is_left_alone(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine").touch()

    with pytest.raises(NotRunError, match="data is no bench's"), scratch(tmp_path / "data"):
        pass
    assert (tmp_path / "data" / "mine").exists()


@pytest.mark.parametrize("answer", ["", "no json", "[1]"])
def test_an_answer_that_is_no_object_is_told(answer):
    with pytest.raises(NotRunError, match="answered no JSON object"):
        run_command(python(f"print({answer!r})"), Limits())


def test_a_signal_is_named_and_not_what_was_said_before():
    killed = "import os, sys; print('WARN', file=sys.stderr, flush=True); os.kill(os.getpid(), 9)"

    with pytest.raises(NotRunError, match=r"^ended by SIGKILL$"):
        run_command(python(killed), Limits())


def test_what_a_short_run_leaves_behind_is_ended():
    inner = f"import time; time.sleep(60)  # {time.time_ns()}"
    left = SLEEP.format(inner=inner).replace("run(", "Popen(")

    run_command(python(f"{left}; print('{{}}')"), Limits())

    assert not asleep(inner)
