import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from fabyield.errors import BusyError, ConfigError, FabYieldError, LeaseLostError
from fabyield.lake.locks.lease import Lease, check_lease, leased
from fabyield.lake.locks.lease_files import LeaseFiles
from fabyield.lake.locks.owner import LockOwner
from fabyield.lake.locks.single_writer import as_single_writer
from fabyield.settings.sections import Leasing
from tests import s3

pytestmark = pytest.mark.slow
SECONDS = 3
ME = LockOwner("this test", "here", 1, "now")
HOLD = """
import sys
from fabyield.errors import LeaseLostError
from fabyield.lake.locks.owner import LockOwner
from fabyield.lake.locks.lease import check_lease, leased

with leased(sys.argv[1], LockOwner.here("nightly"), float(sys.argv[2]), 0) as lease:
    check_lease(sys.argv[1])
    print(lease.token, flush=True)
    sys.stdin.readline()
    try:
        check_lease(sys.argv[1])
        print("writes", flush=True)
    except LeaseLostError as error:
        print(error, flush=True)
"""


@pytest.fixture(params=["folder", "s3a"])
def lake(request, tmp_path):
    """A lake that many machines reach: on a disk they share, or on an object store."""
    is_folder = request.param == "folder"
    return str(tmp_path / "lake") if is_folder else request.getfixturevalue("bucket")


@pytest.fixture
def other_driver(lake):
    """`other_driver()`: another process that holds the lake's lease, until it is asked to write."""
    started = []

    def begin(seconds=SECONDS):
        command = [sys.executable, "-c", HOLD, lake, str(seconds)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(command, **pipes))
        assert started[-1].stdout.readline() == f"{len(started)}\n"
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def test_f03_second_driver_waits_for_the_first_and_logs_who_that_is(lake, other_driver, caplog):
    caplog.set_level("INFO", "fabyield")
    first, done = other_driver(seconds=60), []

    def second():
        as_single_writer(lake, lambda: done.append(first.poll()), Leasing("lease", 60, 60))

    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(second)
        while "waiting" not in caplog.text:
            assert not started.done()
            time.sleep(0.05)
        assert not done
        output, _ = first.communicate("\n")
        started.result()

    assert output == "writes\n"
    assert done == [0]
    assert f"{lake} is written by nightly (process {first.pid} on " in caplog.text


def test_f03_second_driver_is_refused_as_long_as_the_first_renews_its_lease(lake, other_driver):
    first = other_driver()

    with pytest.raises(BusyError, match=rf"{lake}: still written by nightly \(process {first.pid}"):
        as_single_writer(lake, lambda: None, Leasing("lease", wait_seconds=2 * SECONDS))

    output, _ = first.communicate("\n")
    assert output == "writes\n"


def test_f03_lease_of_a_killed_driver_is_taken_over_under_a_greater_token(lake, other_driver):
    other_driver().kill()

    with leased(lake, ME, SECONDS, wait_seconds=60) as lease:
        check_lease(lake)

    assert lease.token == 2


@pytest.mark.parametrize("is_followed", [True, False])
def test_f03_driver_that_was_paused_past_its_lease_writes_no_more(lake, other_driver, is_followed):
    paused = other_driver()
    paused.send_signal(signal.SIGSTOP)

    if is_followed:
        with leased(lake, ME, SECONDS, wait_seconds=60):
            check_lease(lake)
    else:
        time.sleep(SECONDS)
    paused.send_signal(signal.SIGCONT)
    output, _ = paused.communicate("\n")

    assert f"{lake}: lease 1 of this run ended, not renewed for 3 s" in output


def test_f03_driver_whose_lease_another_took_learns_it_by_the_token(lake):
    with leased(lake, ME, 60, wait_seconds=0):
        LeaseFiles(f"{lake}/_lease").create(2, "of another")

        with pytest.raises(LeaseLostError, match="lease 1 of this run was followed by 2"):
            check_lease(lake)
        with pytest.raises(LeaseLostError, match="lease 1 of this run ended"):
            check_lease(lake)


def test_f03_driver_that_cannot_reach_the_store_writes_no_more(tmp_path, monkeypatch):
    lake = f"s3a://{s3.BUCKET}/lake"
    with s3.server(tmp_path) as url:
        for name, value in s3.environment(url).items():
            monkeypatch.setenv(name, value)
        lease = Lease(lake, ME, 60)
        lease.take()
        lease.check()

    with pytest.raises(FabYieldError, match=f"{lake}: its lease cannot be listed"):
        lease.check()


def test_renewal_that_ends_after_the_lease_does_not_count(lake, monkeypatch):
    lease = Lease(lake, ME, SECONDS)
    assert lease.take() is None
    monkeypatch.setattr(LeaseFiles, "write", lambda *_: time.sleep(0.6 * SECONDS))
    time.sleep(0.6 * SECONDS)

    lease.renew()

    with pytest.raises(LeaseLostError, match="lease 1 of this run ended"):
        lease.check()


def test_lease_is_released_at_once_and_the_next_token_is_greater(lake):
    tokens = []
    for _ in range(3):
        with leased(lake, ME, 60, wait_seconds=0) as lease:
            tokens.append(lease.token)

    assert tokens == [1, 2, 3]


def test_lease_that_cannot_be_read_is_waited_for_like_one_of_another(lake):
    LeaseFiles(f"{lake}/_lease").create(7, "{damaged")

    with leased(lake, ME, SECONDS, wait_seconds=60) as lease:
        assert lease.token == 8


def test_f03_lease_of_a_killed_driver_is_taken_over_by_one_that_does_not_want_to_wait(
    lake, other_driver
):
    other_driver().kill()

    with leased(lake, ME, SECONDS, wait_seconds=0) as lease:
        assert lease.token == 2


def test_of_many_that_create_a_number_at_once_one_does(lake):
    numbered = [LeaseFiles(f"{lake}/_lease") for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda turn: numbered[turn].create(1, f"of {turn}"), range(8)))

    assert made.count(True) == 1
    assert numbered[0].read(1) == f"of {made.index(True)}"
    assert numbered[0].newest() == 1


def test_lake_that_cannot_keep_a_lease_is_refused_with_what_to_do():
    with pytest.raises(ConfigError, match=r"hdfs://name/lake/_lease: .*set lease\.kind: none"):
        as_single_writer("hdfs://name/lake", lambda: None)


def test_store_that_takes_no_notice_of_the_condition_is_refused(lake, monkeypatch):
    def overwriting(objects, number, text):
        objects.write(number, text)
        return True

    monkeypatch.setattr(LeaseFiles, "create", overwriting)

    with pytest.raises(ConfigError, match="ignores conditional puts"):
        as_single_writer(lake, lambda: None, Leasing("lease"))


def test_lake_that_the_scheduler_guards_is_not_locked():
    done = []

    as_single_writer("hdfs://name/lake", lambda: done.append("done"), Leasing("none"))

    assert done == ["done"]
