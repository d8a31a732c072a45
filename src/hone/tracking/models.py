"""A run's best checkpoint as a logged model that ``mlflow.pytorch.load_model`` loads.

The layout is that of MLflow's PyTorch flavour, written without importing it, which takes ten seconds: the checkpoint
itself under the name that it looks for, and beside it the name of hone's own reader.
"""

from __future__ import annotations

import contextlib
import json
import platform
import tempfile
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from mlflow.entities import LoggedModelOutput, LoggedModelStatus
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from hone.tracking.files import link
from hone.tracking.tags import param_name

if TYPE_CHECKING:
    from hone.tracking.store import Store

NAME = "model"
READER = "hone.training.checkpoints"
FOLDER = "data"
WEIGHTS = f"{FOLDER}/model.pth"
PACKAGES = ("hone-ml", "torch", "pytorch-lightning", "mlflow")


def log_model(store: Store, run_id: str, checkpoint: Path, params: Mapping[str, str], step: int) -> str:
    """Log a checkpoint as the model that a run came to. Doing so twice comes to the same.

    Args:
        store: Where to.
        run_id: The run.
        checkpoint: Its best checkpoint, which names its own class.
        params: What the model is known by: its searched values.
        step: The optimizer step that training ended at.

    Returns:
        The logged model's id.
    """
    client, experiment = store.client, store.experiment.experiment_id
    found = logged_model(store, run_id)
    if found is not None:
        return found
    named = {param_name(key): value for key, value in params.items()}
    model = client.create_logged_model(experiment, NAME, run_id, params=named, model_type="pytorch")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in _texts(checkpoint.stat().st_size, model.model_id, run_id).items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        if not link(model.artifact_location, checkpoint, WEIGHTS):
            Path(folder, WEIGHTS).symlink_to(checkpoint.absolute())
        client.log_model_artifacts(model.model_id, folder)
    client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step)])
    return str(model.model_id)


def logged_model(store: Store, run_id: str) -> str | None:
    """The id of the model that was logged for a run; None where there is none, or it is incomplete."""
    found = store.client.search_logged_models(
        [store.experiment.experiment_id], f"source_run_id = '{run_id}' AND name = '{NAME}'", max_results=10
    )
    ready = [one.model_id for one in found if one.status == LoggedModelStatus.READY]
    return ready[0] if ready else None


def delete_model(store: Store, run_id: str) -> None:
    """Delete the model that was logged for a run with its files, unless a registered version stands on it.

    Args:
        store: Where it is.
        run_id: The run.
    """
    found = logged_model(store, run_id)
    if found is None or store.client.search_model_versions(f"run_id = '{run_id}'", max_results=1):
        return
    location = store.client.get_logged_model(found).artifact_location
    with contextlib.suppress(FileNotFoundError):
        get_artifact_repository(location, store.uri).delete_artifacts()
    store.client.delete_logged_model(found)


def _texts(size: int, model_id: str, run_id: str) -> dict[str, str]:
    """The small files. JSON is YAML, too."""
    requirements = [f"{name}=={found}" for name in PACKAGES if (found := _version(name))]
    python = platform.python_version()
    conda = {"channels": ["conda-forge"], "dependencies": [f"python={python}", "pip", {"pip": requirements}]}
    pyfunc = {
        "loader_module": "mlflow.pytorch",
        "data": FOLDER,
        "pickle_module_name": READER,
        "python_version": python,
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        "model_config": {"device": None},
    }
    flavors = {
        "pytorch": {"model_data": FOLDER, "pytorch_version": _version("torch"), "code": None},
        "python_function": pyfunc,
    }
    described = {
        "flavors": flavors,
        "mlflow_version": _version("mlflow"),
        "model_id": model_id,
        "run_id": run_id,
        "model_size_bytes": size,
    }
    return {
        "MLmodel": json.dumps(described, indent=2),
        f"{FOLDER}/pickle_module_info.txt": READER,
        "requirements.txt": "\n".join(requirements) + "\n",
        "conda.yaml": json.dumps(conda, indent=2),
        "python_env.yaml": json.dumps({"python": python, "dependencies": ["-r requirements.txt"]}, indent=2),
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
