"""The model registry: a name, its versions, and which of them is the champion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from hone.tracking.tags import CHAMPION, PREVIOUS

MISSING = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


@dataclass(frozen=True)
class Version:
    """A version of a registered model.

    Attributes:
        name: The model's name.
        number: The version's.
        run_id: The run that it comes from.
        tags: What was known of it when it was registered.
    """

    name: str
    number: str
    run_id: str
    tags: Mapping[str, str] = field(default_factory=dict)


def champions(client: MlflowClient) -> dict[str, str]:
    """The run id that each registered model's champion comes from, by the model's name."""
    found: dict[str, str] = {}
    token: str | None = None
    while True:
        page = client.search_registered_models(page_token=token)
        for model in page:
            if CHAMPION in (model.aliases or {}):
                found[model.name] = client.get_model_version(model.name, str(model.aliases[CHAMPION])).run_id or ""
        token = page.token
        if not token:
            return found


def champion(client: MlflowClient, name: str) -> Version | None:
    """The champion of a registered model; None where it has none, or there is no such model."""
    try:
        return _version(client.get_model_version_by_alias(name, CHAMPION))
    except MlflowException as error:
        if error.error_code in MISSING:
            return None
        raise


def crown(client: MlflowClient, name: str, model_id: str, run_id: str, tags: Mapping[str, str]) -> Version:
    """Register a model and make it the champion; the one before keeps its version, as ``previous``.

    Args:
        client: MLflow's client.
        name: The registered model's name; made where there is none.
        model_id: The logged model.
        run_id: The run that it comes from.
        tags: What is to be remembered of it.

    Returns:
        Its version.
    """
    before = champion(client, name)
    _make(client, name)
    version = _registered(client, name, run_id)
    if version is None:
        # By its place: a URI of a logged model MLflow looks up in whichever store is the process's own.
        source = client.get_logged_model(model_id).artifact_location
        version = _version(client.create_model_version(name, source, run_id, tags=dict(tags), model_id=model_id))
    # Two aliases are two requests: between them both names may mean the same version, and neither means none.
    if before is not None and before.number != version.number:
        client.set_registered_model_alias(name, PREVIOUS, before.number)
    client.set_registered_model_alias(name, CHAMPION, version.number)
    return version


def _make(client: MlflowClient, name: str) -> None:
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _registered(client: MlflowClient, name: str, run_id: str) -> Version | None:
    """The version that was made of a run before: a former champion, or one whose promotion was cut off."""
    found = client.search_model_versions(f"name = '{name}' and run_id = '{run_id}'", max_results=1)
    return _version(found[0]) if found else None


def _version(version: ModelVersion) -> Version:
    return Version(version.name, str(version.version), version.run_id or "", dict(version.tags or {}))
