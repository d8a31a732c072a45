"""The tools that are compared: how each is started, and the environment it runs in."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE / ".venvs"
# What a shell may hold that would make one tool's run differ from another's.
FOREIGN = ("PYTHON", "VIRTUAL_ENV", "MLFLOW", "HONE", "OMP_", "MKL_", "OPENBLAS_", "RAY_", "CUDA_VISIBLE")


@dataclass(frozen=True)
class Tool:
    """One tool that runs the workload.

    Attributes:
        name: As the table has it.
        arguments: The program's; ``{trials}`` is filled in.
        program: In the environment's ``bin``.
        environment: A file in ``requirements/`` and the folder in ``.venvs/``; None for the running interpreter's.
        prepare: What runs beforehand and is not timed.
        store: The MLflow store, under the working directory.
    """

    name: str
    arguments: tuple[str, ...]
    program: str = "python"
    environment: str | None = None
    prepare: tuple[str, ...] = ()
    store: str = "mlflow.db"

    @property
    def folder(self) -> Path:
        """The ``bin`` that the tool runs from."""
        if self.environment is None:
            return Path(sys.executable).parent
        return ENVIRONMENTS / self.environment / "bin"

    def command(self, trials: int) -> list[str]:
        """The command line that is timed."""
        return [str(self.folder / self.program), *(one.format(trials=trials) for one in self.arguments)]

    def preparation(self) -> list[str]:
        """The command line that runs before; empty where there is none."""
        return [str(self.folder / "python"), *self.prepare] if self.prepare else []


TOOLS = (
    Tool(
        "hone",
        ("sweep", str(HERE / "hone.yaml"), "trials={trials}"),
        program="hone",
        store="mlruns/mlflow.db",
    ),
    Tool(
        "hone-modules",
        (
            "sweep",
            str(HERE / "hone_modules.yaml"),
            "trials={trials}",
            "--config-dir",
            str(HERE / "hone_conf"),
        ),
        program="hone",
        store="mlruns/mlflow.db",
    ),
    Tool("bare", (str(HERE / "bare_loop.py"), "{trials}")),
    Tool(
        "hydra-optuna-sweeper",
        (str(HERE / "hydra_optuna_sweeper/app.py"), "-m", "hydra.sweeper.n_trials={trials}"),
        environment="hydra-optuna-sweeper",
        prepare=(str(HERE / "workload.py"),),
    ),
    Tool(
        "hone-sweeper",
        (str(HERE / "hydra_optuna_sweeper/app.py"), "-m", "-cn", "hone", "hydra.sweeper.n_trials={trials}"),
        store="mlruns/mlflow.db",
    ),
    Tool(
        "hone-ray",
        ("sweep", str(HERE / "hone.yaml"), "trials={trials}", "executor=ray", "executor.address=local"),
        program="hone",
        store="mlruns/mlflow.db",
    ),
    Tool("ray-tune", (str(HERE / "ray_tune.py"), "{trials}"), environment="ray-tune"),
    Tool("ray-tune-reuse", (str(HERE / "ray_tune.py"), "{trials}", "--reuse-actors"), environment="ray-tune"),
)


def install(tool: Tool) -> None:
    """Make the tool's virtual environment, unless it is there with just these requirements.

    Args:
        tool: The tool; one without an environment of its own needs nothing.

    Raises:
        subprocess.CalledProcessError: pip failed; it has said why.
    """
    if tool.environment is None:
        return
    requirements = HERE / "requirements" / f"{tool.environment}.txt"
    installed = ENVIRONMENTS / tool.environment / "installed.txt"
    if installed.is_file() and installed.read_text() == requirements.read_text():
        return
    print(f"installing {tool.environment} ...", flush=True)
    venv.create(installed.parent, with_pip=True, clear=True)
    (ENVIRONMENTS / ".gitignore").write_text("*\n")
    subprocess.run([tool.folder / "python", "-m", "pip", "install", "-q", "-r", requirements], check=True)
    installed.write_text(requirements.read_text())


def clean_environment() -> dict[str, str]:
    """Give each tool the same environment variables, telemetry off, the shared workload importable."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    silent = {"DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "RAY_USAGE_STATS_ENABLED": "0"}
    return {**kept, **silent, "PYTHONPATH": str(HERE)}
