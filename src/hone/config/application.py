"""Somebody's Hydra application: brought to where it would sweep, and its jobs composed as Hydra composes them."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from hydra._internal.callbacks import Callbacks
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobReturn, run_job
from hydra.types import HydraContext, RunMode, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

from hone.config.targets import target_modules
from hone.errors import ConfigError

APPLICATION_FILE = "application.json"
# What whoever logs to MLflow imports only as it begins to, and that takes seconds.
MLFLOW_STORE = "mlflow.store.tracking.sqlalchemy_store"


@dataclass(frozen=True)
class Application:
    """How an application was started.

    Attributes:
        main: Its script, absolute, or its module.
        is_module: It was started by ``python -m``.
        arguments: ``sys.argv``.
        directory: Where it was started.
        sweep_dir: Where its jobs' directories go.
        times: What ``${now:PATTERN}`` stands for, the same for all jobs.
    """

    main: str
    is_module: bool
    arguments: tuple[str, ...]
    directory: str
    sweep_dir: str = ""
    times: dict[str, str] = field(default_factory=dict)

    def write(self, directory: Path) -> None:
        """Keep it beside a study's trials, for its owner alone: a command line may hold passwords."""
        path = directory / APPLICATION_FILE
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(asdict(self), indent=2))
        temporary.replace(path)


def read_application(directory: Path) -> Application:
    """Read what ``Application.write`` kept.

    Raises:
        ConfigError: It is not there.
    """
    path = directory / APPLICATION_FILE
    try:
        content = json.loads(path.read_text())
        return Application(**{**content, "arguments": tuple(content["arguments"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from error


def this_application(master: DictConfig) -> Application:
    """Say how the program was started that this process runs.

    Args:
        master: What Hydra composed for its sweep.

    Raises:
        ConfigError: It is no script and no module.
    """
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    sweep_dir = str(Path(master.hydra.sweep.dir).absolute())
    if spec is None and not file:
        raise ConfigError("sweeps applications that are scripts or modules", where="hydra/sweeper=hone")
    name = spec.name if spec else str(Path(str(file)).absolute())
    times = {key[0]: value for key, value in OmegaConf.get_cache(master).get("now", {}).items()}
    return Application(name, spec is not None, tuple(sys.argv), str(Path.cwd()), sweep_dir, times)


class _Reached(BaseException):
    """Unwinds an application that has come to where it would sweep."""

    def __init__(self, loaded: Loaded) -> None:
        super().__init__()
        self.loaded = loaded


class Loaded:
    """An application in this process, with everything that its main module defines, ready to run its jobs.

    Args:
        hydra: Hydra as the application has set it up.
        master: What it composed for the sweep.
        task: What ``hydra.main`` decorates.
    """

    def __init__(self, hydra: Hydra, master: DictConfig, task: TaskFunction) -> None:
        self.hydra, self.master, self.task = hydra, master, task
        self.more = _whitelist()

    def modules(self) -> list[str]:
        """What its jobs will import, as far as its config says."""
        return [*target_modules(_own(self.master)), *imported_late(self.master)]

    def config(self, application: Application, overrides: Sequence[str], number: int) -> DictConfig:
        """Compose a job's config.

        Args:
            application: Where its jobs go, and when the sweep began.
            overrides: The job's.
            number: The job's.

        Raises:
            ConfigError: It does not compose.
        """
        OmegaConf.get_cache(self.master)["now"] = {(key,): text for key, text in application.times.items()}
        config = compose_job(self.hydra.config_loader, self.master, overrides, number)
        with open_dict(config):
            config.hydra.sweep.dir = application.sweep_dir
        return config

    def run(self, config: DictConfig, task: TaskFunction) -> JobReturn:
        """Run a job as Hydra's launchers do.

        Args:
            config: The job's, as ``config`` composed it.
            task: Called in place of the application's function.

        Returns:
            What it returned or raised, and whether it went well.
        """
        GlobalHydra.instance().hydra = self.hydra
        context = HydraContext(config_loader=self.hydra.config_loader, callbacks=Callbacks(config), **self.more)
        return run_job(
            hydra_context=context,
            task_function=task,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )


def imported_late(master: DictConfig) -> list[str]:
    """What an application's jobs import only as they run, and hone itself too.

    Args:
        master: What Hydra composed for their sweep.
    """
    return [MLFLOW_STORE] if "mlflow" in sys.modules or "MLFlowLogger" in str(_own(master)) else []


def _own(master: DictConfig) -> dict[Any, Any]:
    """An application's config without what is Hydra's."""
    content = OmegaConf.to_container(master, resolve=False)
    assert isinstance(content, dict)
    return {key: value for key, value in content.items() if key != "hydra"}


def compose_job(loader: Any, master: DictConfig, overrides: Sequence[str], number: int) -> DictConfig:
    """Compose a job's config from a sweep's.

    Args:
        loader: Hydra's.
        master: What was composed for the sweep.
        overrides: The job's.
        number: The job's.
    """
    config: DictConfig = loader.load_sweep_config(master, list(overrides))
    with open_dict(config):
        config.hydra.job.id = str(number)
        config.hydra.job.num = number
    return config


_loaded: dict[tuple[str, ...], Loaded] = {}


def load(application: Application) -> Loaded:
    """Run an application's main module up to where it would sweep; once in a process.

    Args:
        application: Which.

    Returns:
        The application.

    Raises:
        ConfigError: It did not get there.
    """
    key = _key(application)
    if key not in _loaded:
        _loaded[key] = _load(application)
    return _loaded[key]


def take(application: Application, master: DictConfig, task: TaskFunction) -> None:
    """Take an application as loaded that this process itself has brought to where it would sweep.

    Args:
        application: Which.
        master: What Hydra composed for its sweep.
        task: What ``hydra.main`` decorates.
    """
    _loaded[_key(application)] = Loaded(GlobalHydra.instance().hydra, master, task)


def _key(application: Application) -> tuple[str, ...]:
    return (application.main, *application.arguments)


def _load(application: Application) -> Loaded:
    os.chdir(application.directory)
    sys.argv = list(application.arguments)
    with _stopping_at_multirun():
        try:
            _run_main(application)
        except _Reached as reached:
            return reached.loaded
        except SystemExit as ended:
            reason = f"it ended with status {ended.code}"
        else:
            reason = "it ran to its end"
    raise ConfigError(f"did not come to Hydra's multirun when it was run again: {reason}", where=application.main)


@contextmanager
def _stopping_at_multirun() -> Iterator[None]:
    def multirun(
        hydra: Hydra, *, config_name: str | None, task_function: TaskFunction, overrides: list[str], **_: Any
    ) -> None:
        master = hydra.compose_config(
            config_name=config_name, overrides=overrides, run_mode=RunMode.MULTIRUN, with_log_configuration=False
        )
        raise _Reached(Loaded(hydra, master, task_function))

    held, Hydra.multirun = Hydra.multirun, multirun
    try:
        yield
    finally:
        Hydra.multirun = held


def _run_main(application: Application) -> None:
    """Run a main module as Python does, and leave it in its place: what it defines is in use from now on."""
    main = types.ModuleType("__main__")
    # What this process began with is still in use too.
    main.__dict__["__hone_main__"] = sys.modules["__main__"]
    if application.is_module:
        spec = importlib.util.find_spec(application.main)
        if spec is None or spec.loader is None:
            raise ConfigError("no such module", where=application.main)
        main.__spec__, main.__file__, main.__package__ = spec, spec.origin, spec.parent
        code = spec.loader.get_code(application.main)  # type: ignore[attr-defined]
        sys.path.insert(0, application.directory)
    else:
        main.__file__, main.__package__ = application.main, None
        code = compile(Path(application.main).read_bytes(), application.main, "exec")
        sys.path.insert(0, str(Path(application.main).parent))
    sys.modules["__main__"] = main
    exec(code, main.__dict__)


def _whitelist() -> dict[str, Any]:
    """What ``hydra.main`` allows to be instantiated, which Hydra knows from 1.4 on."""
    try:
        from hydra._internal.execution_policy import _get_active_execution_whitelist
    except ImportError:
        return {}
    return {"execution_whitelist": _get_active_execution_whitelist()}


def placed(application: Application, directory: Path) -> Application:
    """The application with its jobs where an earlier session put them.

    Args:
        application: As it was started now.
        directory: The study's, with what the earlier session kept.
    """
    kept = read_application(directory)
    return replace(application, sweep_dir=kept.sweep_dir, times=kept.times)
