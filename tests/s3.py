"""A server that speaks S3 for tests, on loopback, as a process of its own."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.request import Request, urlopen

BUCKET = "fab"
SERVER = Path(__file__).parents[1] / "var" / "s3-venv" / "bin" / "moto_server"


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Give the URL of a server with an empty BUCKET; what it says goes to `folder`/s3.log."""
    url = f"http://127.0.0.1:{_free_port()}"
    place = ["-H", "127.0.0.1", "-p", url.rpartition(":")[2]]
    with (folder / "s3.log").open("w") as log:
        process = subprocess.Popen([SERVER, *place], stdout=log, stderr=log)
        try:
            while not _answers(Request(f"{url}/{BUCKET}", method="PUT")):
                assert process.poll() is None, (folder / "s3.log").read_text()
                time.sleep(0.1)
            yield url
        finally:
            process.kill()
            process.wait()


def environment(url: str) -> dict[str, str]:
    """What points every client of ours to the server at `url`, with credentials of nobody."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key-of-the-tests",
        "AWS_SECRET_ACCESS_KEY": "secret-of-the-tests",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": f"127.0.0.1,{os.environ.get('NO_PROXY', '')}",
    }


def _answers(request: Request) -> bool:
    with suppress(OSError), closing(urlopen(request)):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
