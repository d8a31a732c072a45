"""A Ray cluster on this machine: a head and more nodes, each a raylet of its own with resources that are invented."""

import contextlib
import importlib.util
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from servers import HOST, free_port

START_SECONDS = 120
# Who is gone is to be noticed within seconds.
QUICK = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "2000",
    "RAY_health_check_failure_threshold": "3",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "10",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}


class Cluster:
    """Starts nodes by ``ray start``, as people do, and kills them."""

    def __init__(self, directory):
        if importlib.util.find_spec("ray") is None:
            assert os.environ.get("CI") != "true", "Ray is not installed"
            pytest.skip("Ray is not installed")
        self.directory = directory
        self.port = free_port()
        self.address = f"{HOST}:{self.port}"
        self.nodes, self.ids = {}, {}
        # Who does not know the token is let in nowhere.
        self.token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": uuid4().hex}
        self.environment = os.environ | QUICK | self.token

    def head(self, **resources):
        more = ["--head", f"--port={self.port}", "--include-dashboard=false", f"--temp-dir={self.directory}"]
        return self._start("head", more, resources)

    def node(self, name, hide=None, **resources):
        """Start a node; one of which a directory is hidden shares no disk there with the others."""
        return self._start(name, [f"--address={self.address}"], resources, hide)

    def drain(self, name):
        """Say that a node is to be taken away, as a provider does of a spot machine."""
        node = self.ids[name]
        more = ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "spot", "--node-id", node]
        more += ["--address", self.address, "--deadline-remaining-seconds", "60"]
        done = subprocess.run(
            [Path(sys.executable).with_name("ray"), "drain-node", *more],
            capture_output=True,
            text=True,
            env=self.environment,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def kill(self, name):
        """Kill a node's processes, all of them at once, as a machine that loses its power."""
        for pid in self.nodes.pop(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self):
        for name in list(self.nodes):
            self.kill(name)
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if str(self.directory) in " ".join(one.cmdline()):
                    one.kill()

    def _start(self, name, more, resources, hide=None):
        before = self._pids()
        options = [f"--{key.replace('_', '-')}={value}" for key, value in resources.items()]
        command = [Path(sys.executable).with_name("ray"), "start", *more, *options, f"--node-ip-address={HOST}"]
        command += ["--object-store-memory=80000000", "--disable-usage-stats"]
        # Where a container forbids it, the node sees the disk as the others do.
        if hide is not None and subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0:
            line = shlex.join(map(str, command))
            command = [
                "unshare",
                "--mount",
                "sh",
                "-c",
                f"mount -t tmpfs tmpfs {shlex.quote(str(hide))} && exec {line}",
            ]
        with (self.directory / f"{name}.log").open("wb") as log:
            done = subprocess.run(
                command, stdout=log, stderr=log, env=self.environment, timeout=START_SECONDS, cwd=self.directory
            )
        assert done.returncode == 0, (self.directory / f"{name}.log").read_text()
        self.nodes[name] = self._pids() - before
        for pid in self.nodes[name]:
            line = psutil.Process(pid).cmdline()
            found = [one.partition("=")[2] for one in line if one.startswith("--node_id=")]
            if found:
                self.ids[name] = found[0]
        return self

    def _pids(self):
        """Every process of this cluster."""
        found = set()
        for one in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                line = " ".join(one.cmdline())
                if str(self.port) in line and ("ray" in line):
                    found.add(one.pid)
        return found

    def is_empty(self, seconds=30):
        """Whether no actor and no placement group is left, within some time."""
        deadline = time.monotonic() + seconds
        while self._left() and time.monotonic() < deadline:
            time.sleep(0.5)
        return not self._left()

    def _left(self):
        program = (
            "import ray; from ray._private.state import state; from ray.util import placement_group_table as groups\n"
            f"ray.init(address='{self.address}', log_to_driver=False)\n"
            "actors = [one for one in ray._private.state.actors().values() if one['State'] not in ('DEAD',)]\n"
            "print([one['ActorClassName'] for one in actors] +"
            " [one for one in groups().values() if one['state'] != 'REMOVED'])\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=self.environment)
        assert done.returncode == 0, done.stderr
        self.seen = done.stdout.strip().splitlines()[-1]
        return self.seen != "[]"
