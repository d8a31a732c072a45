"""The connection to a Ray cluster, and what it tells of the nodes."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from hone.errors import ExecutorError
from hone.executors.ray.capacity import Demand
from hone.executors.ray.wire import Cluster, Refused

# Of the project, what is code and configs: the rest is large, or not for other machines.
LEFT_OUT = (".git", ".venv", "venv", "mlruns", "outputs", "multirun", "data", "*.ckpt", "*.safetensors", ".env")
PROBE_SECONDS = 2.0
LOCALHOST = "127.0.0.1"


class Refusal(ExecutorError):
    """The cluster cannot be used.

    Args:
        message: Why.
        where: The key at fault.
        passing: It may be there again later.
    """

    def __init__(self, message: str, where: str, *, passing: bool = False) -> None:
        super().__init__(message, where)
        self.passing = passing


def refusal(error: Refusal) -> Refused:
    """As the controller is told."""
    return Refused(error.message, error.where or "executor", error.passing)


def connect(cluster: Cluster) -> None:
    """Connect this process to a cluster.

    Args:
        cluster: Which, and for what.

    Raises:
        Refusal: It is not there, or no node of it can ever run a trial.
    """
    import ray

    address = None if cluster.address == "local" else cluster.address
    where = "executor.address"
    if address is not None and address.startswith("ray://"):
        raise Refusal("give auto, local or HOST:PORT, and run hone on a machine of the cluster, or by ray job", where)
    logging.getLogger("ray").setLevel(logging.ERROR)
    more: dict[str, Any] = {"include_dashboard": False} if address is None else {"address": address}
    if address is None:
        os.environ.pop("RAY_ADDRESS", None)
        more["_node_ip_address"] = LOCALHOST
    else:
        _knock(address)
    try:
        ray.init(
            **more,
            runtime_env=_runtime_env(cluster),
            namespace="hone",
            log_to_driver=False,
            configure_logging=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, TimeoutError, RuntimeError) as error:
        raise Refusal(f"{_absence(address)} ({_first_line(error)})", where, passing=True) from error
    except ValueError as error:
        raise Refusal(_first_line(error), where) from error
    _check(cluster)


def _knock(address: str) -> None:
    """See whether anybody answers there: Ray itself asks for minutes.

    Raises:
        Refusal: Nobody does.
    """
    named = os.environ.get("RAY_ADDRESS", "") if address == "auto" else address
    if named in ("", "auto"):
        return
    host, _, port = named.rpartition(":")
    if not host or not port.isdigit():
        raise Refusal(f"give auto, local or HOST:PORT, not {named}", "executor.address")
    try:
        socket.create_connection((host, int(port)), PROBE_SECONDS).close()
    except OSError as error:
        raise Refusal(f"{_absence(named)} ({error.strerror or error})", "executor.address", passing=True) from error


def living(leaving: Collection[str]) -> list[dict[str, float]]:
    """All that each node has that is there, by Ray's names.

    Args:
        leaving: Ids of the nodes that do not count.
    """
    import ray

    return [dict(one["Resources"]) for one in ray.nodes() if one["Alive"] and one["NodeID"] not in leaving]


def draining() -> set[str]:
    """Ids of the nodes that are to be taken away."""
    with contextlib.suppress(Exception):
        from ray._private.state import state

        return set(state.get_draining_nodes())
    return set()


def is_lost(node: str) -> bool:
    """Whether a node is gone: Ray says so, or nobody listens any more where its raylet did."""
    import ray

    known = next((one for one in ray.nodes() if one["NodeID"] == node), None)
    if known is None or not known["Alive"]:
        return True
    place = (known["NodeManagerAddress"], known["NodeManagerPort"])
    try:
        socket.create_connection(place, PROBE_SECONDS).close()
    except OSError:
        return True
    return False


def _check(cluster: Cluster) -> None:
    """Refuse what no node can ever give, unless the user counts on nodes that are to come."""
    nodes, demand = living(draining()), Demand.of(cluster)
    if demand.places(nodes) or cluster.max_parallel is not None:
        return
    total = cluster.resources.gpus or 0
    most = max((one.get("GPU", 0) for one in nodes), default=0)
    hint = ""
    if isinstance(total, int) and most and total > most and cluster.resources.nodes == 1:
        hint = f"; resources.nodes={-(-total // int(most))} spreads a trial over nodes"
    raise Refusal(
        f"no node has {demand}; there are {_described(nodes)}{hint}. Where more nodes are to come, give "
        "executor.max_parallel",
        "resources",
    )


def _described(nodes: list[dict[str, float]]) -> str:
    shown = [f"{one.get('CPU', 0):g} CPU and {one.get('GPU', 0):g} GPU" for one in nodes]
    counts = {text: shown.count(text) for text in dict.fromkeys(shown)}
    return ", ".join(f"{count} nodes of {text}" if count > 1 else f"1 of {text}" for text, count in counts.items())


def _runtime_env(cluster: Cluster) -> dict[str, Any]:
    given: Mapping[str, Any] = cluster.runtime_env
    code = {"working_dir": cluster.project, "excludes": [*LEFT_OUT, *_large(Path(cluster.project))]}
    return {**code, **given}


def _large(project: Path) -> list[str]:
    """Folders of environments, whatever they are called."""
    return [one.parent.name for one in project.glob("*/pyvenv.cfg")]


def _absence(address: str | None) -> str:
    if address is None:
        return "Ray does not start on this machine"
    if address == "auto":
        return "no Ray cluster on this machine and RAY_ADDRESS names none: ray start --head starts one"
    return f"no Ray cluster answers at {address}"


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]
