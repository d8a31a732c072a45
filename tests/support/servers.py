"""Real servers for tests: MLflow's, PostgreSQL, and one that gets in the way."""

import contextlib
import http.client
import http.server
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

HOST = "127.0.0.1"
START_SECONDS = 240
DROPPED = ("host", "transfer-encoding", "content-length")


def free_port():
    """A port that was free just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def small_disk(directory, size):
    """A directory on a file system of a size; on the one that it lies on where none can be mounted here."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory]
    mounted = subprocess.run(command, capture_output=True).returncode == 0
    try:
        yield directory
    finally:
        if mounted:
            subprocess.run(["umount", "-l", directory], check=True)


class MlflowServer:
    """``mlflow server``, to be killed, started again, frozen, and left without disk."""

    started = ()

    @classmethod
    def pids(cls):
        """Processes of all servers that run."""
        found = set()
        for server in cls.started:
            with contextlib.suppress(psutil.NoSuchProcess):
                own = psutil.Process(server.process.pid)
                found |= {own.pid, *(one.pid for one in own.children(recursive=True))}
        return found

    def __init__(self, directory, backend=None):
        self.directory = directory
        self.backend = backend or f"sqlite:///{directory / 'server.db'}"
        self.port = free_port()
        self.uri = f"http://{HOST}:{self.port}"
        self.process = None

    def start(self):
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(self.port), "--workers", "1"]
        command += ["--backend-store-uri", self.backend, "--artifacts-destination", str(self.directory / "artifacts")]
        own = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        with (self.directory / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=os.environ | own, stdout=log, stderr=log, start_new_session=True, cwd=self.directory
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            assert self.process.poll() is None, (self.directory / "server.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        MlflowServer.started = (*MlflowServer.started, self)
        return self

    def answers(self):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.uri}/health", timeout=2):
            return True
        return False

    def send(self, sign):
        """Send a signal to all of its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, sign)

    def kill(self):
        self.send(signal.SIGKILL)
        self.process.wait()

    def fill_disk(self):
        """Leave it without room; skips the test where it has no disk of its own."""
        if not os.path.ismount(self.directory):
            pytest.skip("no file system can be mounted here")
        with (self.directory / "hoard").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(self.directory).free)

    def free_disk(self):
        (self.directory / "hoard").unlink(missing_ok=True)


class Postgres:
    """A PostgreSQL cluster of its own, in a temporary directory, on a free port of 127.0.0.1."""

    def __init__(self):
        found = shutil.which("initdb") or next(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), None)
        if found is None:
            assert os.environ.get("CI") != "true", "PostgreSQL is not installed"
            pytest.skip("PostgreSQL is not installed")
        self.programs = Path(found).resolve().parent
        self.directory = Path(tempfile.mkdtemp(prefix="hone-postgres-"))
        self.port = free_port()
        self._databases = 0

    def start(self):
        """Make the cluster and start it. The server refuses to run as root."""
        if os.geteuid() == 0:
            shutil.chown(self.directory, "postgres", "postgres")
        data = self.directory / "data"
        self._run("initdb", "-D", data, "-U", "hone", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C")
        options = f"-p {self.port} -c listen_addresses={HOST} -c unix_socket_directories={self.directory} -c fsync=off"
        self._run("pg_ctl", "-D", data, "-w", "-t", "120", "-l", self.directory / "log", "-o", options, "start")
        return self

    def stop(self):
        self._run("pg_ctl", "-D", self.directory / "data", "-m", "immediate", "stop")
        shutil.rmtree(self.directory, ignore_errors=True)

    def database(self):
        """The URI of a new, empty database; whoever connects is let in, whatever the password."""
        import psycopg

        self._databases += 1
        name = f"hone{self._databases}"
        with psycopg.connect(f"postgresql://hone@{HOST}:{self.port}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://hone:not-asked-for@{HOST}:{self.port}/{name}"

    def _run(self, program, *arguments):
        user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        command = [str(self.programs / program), *map(str, arguments)]
        # A server keeps the pipes of whoever started it, so there are none.
        done = subprocess.run(
            command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=180, **user
        )
        assert done.returncode == 0, f"{program} failed"


class Proxy:
    """Stands before a server: passes requests on, or answers them itself with a status.

    Attributes:
        refused: How many it has answered itself.
        pause_after_refusal: Seconds from the first of them to the request that came next.
        seen: Every Authorization that a request had.
    """

    def __init__(self, port):
        self.upstream = port
        self.status, self.headers, self.left = None, {}, 0
        self.refused, self.refused_at, self.pause_after_refusal = 0, 0.0, None
        self.seen = set()
        self.server = http.server.ThreadingHTTPServer((HOST, 0), type("Handler", (_Handler,), {"proxy": self}))
        self.server.daemon_threads = True
        # A client that does not wait for its answer is what these tests are about.
        self.server.handle_error = lambda *_: None
        self.port = self.server.server_address[1]
        self.uri = f"http://{HOST}:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, name="proxy", daemon=True)
        self.thread.start()

    def refuse(self, status, requests=-1, **headers):
        """Answer requests with a status: so many, or all until ``relent``."""
        self.left, self.headers, self.status = requests, headers, status

    def relent(self):
        self.status = None

    def refuses(self, authorization):
        """Whether this request is answered here."""
        self.seen.add(authorization)
        if self.refused and self.pause_after_refusal is None:
            self.pause_after_refusal = time.monotonic() - self.refused_at
        if self.status is None or self.left == 0:
            return False
        self.left -= 1
        self.refused += 1
        self.refused_at = time.monotonic()
        return True

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    proxy: Proxy

    def answer(self):
        body = self.body()
        if self.proxy.refuses(self.headers.get("Authorization")):
            self.reply(self.proxy.status, self.proxy.headers, b"not now")
            return
        upstream = http.client.HTTPConnection(HOST, self.proxy.upstream, timeout=60)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in DROPPED}
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            kind = {"Content-Type": answer.getheader("Content-Type") or "application/json"}
            self.reply(answer.status, kind, answer.read())
        finally:
            upstream.close()

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def reply(self, status, headers, body):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


for _method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler.answer)
