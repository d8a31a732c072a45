"""The architecture, held by reading imports."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "hone"
FLOORS = {
    "config": 1,
    "errors": 1,
    "provenance": 1,
    "tasks": 2,
    "space": 2,
    "study": 2,
    "tracking": 3,
    "training": 4,
    "worker": 4,
    "executors": 5,
    "sweep": 6,
    "sync": 6,
    "train": 6,
    "promote": 6,
    "init": 6,
    "reproduce": 6,
    "compare": 6,
    "evaluate": 6,
    "loop": 6,
    "report": 6,
    "cli": 7,
    "__main__": 7,
}
HOMES = {
    "hydra": {"config"},
    # Trials' configs are set key by key before they are resolved.
    "omegaconf": {"config", "sweep.configs", "sweep.searched"},
    "optuna": {"space", "study", "report.view", "report.pictures"},
    "mlflow": {"tracking"},
    # A lease sets the number of threads before anything else of a trial runs.
    "torch": {"training", "tasks", "worker.run"},
    "pytorch_lightning": {"training", "tasks"},
    "torchmetrics": {"tasks", "training"},
    "plotly": {"report"},
    "matplotlib": {"report", "compare.curves"},
    "scipy": {"training.scoring", "tasks", "report.pictures", "loop.options", "loop.residuals"},
    "pyarrow": {"training", "report.evaluation"},
    "transformers": {"tasks"},
    "datasets": {"tasks"},
    "tokenizers": {"tasks"},
    "peft": {"tasks"},
    "PIL": {"tasks"},
    "soundfile": {"tasks"},
    "gymnasium": {"tasks"},
    "typer": {"cli"},
    "ray": {"executors.ray"},
}


def module_name(path):
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path, *, at_runtime_only=False):
    """Every module that a file names in an import, wherever in the file it stands."""
    tree = ast.parse(path.read_text())
    skipped = set()
    if at_runtime_only:
        guards = [one for one in ast.walk(tree) if isinstance(one, ast.If) and "TYPE_CHECKING" in ast.dump(one.test)]
        skipped = {id(inner) for guard in guards for inner in ast.walk(guard)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield node.module


FILES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_imports_point_down_the_floors(path):
    own = module_name(path).split(".")[1:2]
    if not own:
        return
    for imported in imports_of(path):
        package, _, rest = imported.partition(".")
        if package == "hone" and rest:
            assert FLOORS[rest.split(".")[0]] <= FLOORS[own[0]], f"{module_name(path)} imports {imported}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_each_library_has_one_home(path):
    own = module_name(path).removeprefix("hone.")
    for imported in imports_of(path):
        homes = HOMES.get(imported.split(".")[0])
        if homes is not None:
            assert any(own == home or own.startswith(f"{home}.") for home in homes), f"{own} imports {imported}"


def test_no_two_modules_import_each_other():
    names = {module_name(path) for path in FILES}
    graph = {}
    for path in FILES:
        own = module_name(path)
        found = {one for one in imports_of(path, at_runtime_only=True) if one in names and one != own}
        # A package's own door imports its rooms; the rooms come in by their full names.
        graph[own] = {one for one in found if not own.startswith(f"{one}.")}

    list(TopologicalSorter(graph).static_order())


def test_no_drawer_is_called_utils():
    assert not [one for one in FILES if one.stem in ("utils", "util", "helpers", "common", "misc")]


def test_a_file_is_a_chapter_and_a_function_does_one_thing():
    for path in FILES:
        assert len(path.read_text().splitlines()) <= 400, path
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and not ast.get_docstring(node):
                assert node.end_lineno - node.lineno < 60, f"{path}: {node.name}"
