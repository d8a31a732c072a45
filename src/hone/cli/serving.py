"""``hone dashboard``: MLflow's own server, on this machine alone."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser

from rich.console import Console

from hone.cli.looking import Place, naming_what_waits
from hone.errors import StoreError
from hone.tracking.lookup import open_runs
from hone.tracking.store import TrackingConfig, open_store
from hone.tracking.view import PARAMETER, TAG, dashboard_view

HOST = "127.0.0.1"
PORTS_TRIED = 50
START_SECONDS = 120


def dashboard(place: Place, port: int, browser: bool) -> int:
    """Serve the dashboard until Ctrl-C.

    Args:
        place: Where the runs are.
        port: Port; the next free one where it is taken.
        browser: Open a browser.

    Returns:
        Exit status.

    Raises:
        HoneError: The store is not there, or the server does not start.
    """
    console = Console()
    tracking = place.tracking()
    with naming_what_waits(tracking):
        store = open_store(tracking, create=False)
    experiment = store.experiment.experiment_id
    page = f"#/experiments/{experiment}/runs?workflowType=machine_learning&{PARAMETER}"
    store.share_view(TAG, dashboard_view(open_runs(tracking)))
    if store.uri.startswith("http"):
        _open(console, f"{store.shown.rstrip('/')}/{page}", browser)
        return 0
    address = f"http://{HOST}:{_free_port(port)}"
    server = _serve(tracking, address)
    # A shell that starts this in the background has Ctrl-C ignored; and a plain kill must not leave the server behind.
    caught = {one: signal.signal(one, signal.default_int_handler) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        _wait_until_up(server, address)
        _open(console, f"{address}/{page}", browser)
        console.print("[dim]Ctrl-C ends it[/]")
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _end(server)
        for one, handler in caught.items():
            signal.signal(one, handler)


def _serve(tracking: TrackingConfig, address: str) -> subprocess.Popen[bytes]:
    port = address.rpartition(":")[2]
    # A page of another site that makes a browser ask this server names itself, and is refused.
    hosts = ",".join((f"{HOST}:{port}", f"localhost:{port}"))
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", port, "--workers", "1"]
    command += ["--allowed-hosts", hosts, "--cors-allowed-origins", address]
    # By the environment, since a URI may hold a password and anybody can read a command line. One server process
    # without a job runner starts in a third of the time and takes a fifth of the memory.
    environment = os.environ | {
        "MLFLOW_BACKEND_STORE_URI": tracking.store_uri,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    if tracking.uri is None:
        environment["MLFLOW_DEFAULT_ARTIFACT_ROOT"] = (tracking.root / "artifacts").as_uri()
    log = None if os.environ.get("HONE_DEBUG") else subprocess.DEVNULL
    return subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)


def _wait_until_up(server: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise StoreError("the dashboard's server ended at once; HONE_DEBUG=1 shows what it says", where=address)
        with (
            contextlib.suppress(OSError, urllib.error.URLError),
            urllib.request.urlopen(f"{address}/health", timeout=2),
        ):
            return
        time.sleep(0.2)
    raise StoreError(f"the dashboard did not start within {START_SECONDS} s", where=address)


def _open(console: Console, address: str, browser: bool) -> None:
    console.print(f"dashboard: [link={address}]{address}[/link]", highlight=False, soft_wrap=True)
    if browser:
        webbrowser.open(address)


def _end(server: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(5)
            return


def _free_port(first: int) -> int:
    for port in range(first, first + PORTS_TRIED):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, port))
            return int(probe.getsockname()[1])
    raise StoreError(f"ports {first} to {first + PORTS_TRIED - 1} are all taken", where="--port")
