"""Finished studies made by Optuna directly, for what draws them: no training, a second for hundreds of trials.

``python tests/support/demo_studies.py DIR`` draws the reports of all of them into a directory.
"""

import json
import math
import random
import sys
from pathlib import Path

import optuna

from hone.space import parse_constraints, parse_space
from hone.study import open_study, quieten


class DemoStudy:
    """A study under ``root``, as a sweep leaves one.

    Args:
        root: The tracking directory.
        name: The study's.
        space: Sweeps by key.
        when: Conditional sweeps.
        metrics: Its objectives.
        directions: ``maximize`` or ``minimize`` for each.
        constraints: Bounds by metric.
        slots: Trials at once.
    """

    def __init__(
        self,
        root,
        name="demo-1",
        space=None,
        when=None,
        metrics=("val/accuracy",),
        directions=("maximize",),
        constraints=None,
        slots=2,
        seed=0,
    ):
        quieten()
        self.root, self.name, self.metrics = Path(root), name, tuple(metrics)
        self.space = parse_space(
            space or {"optimizer.lr": "tag(log, interval(1e-4, 1e-1))", "data.batch_size": "choice(16, 32, 64, 128)"},
            "demo.yaml: space",
            when=when or {},
        )
        self.constraints = parse_constraints(constraints or {}, "demo.yaml: constraints")
        self.study = open_study(
            name,
            self.space,
            metrics=self.metrics,
            directions=list(directions),
            constraints=self.constraints,
            storage=None,
            directory=self.root / "studies",
            sampler=optuna.samplers.RandomSampler(seed=seed),
            pruner=optuna.pruners.NopPruner(),
        )
        self.random = random.Random(seed)

    @property
    def directory(self):
        return self.root / "trials" / self.name

    def add(self, values=None, state="complete", reports=(), params=None, metrics=None, why="error"):
        """One trial; ``values`` are numbers, or a function of its config values."""
        if params is not None:
            self.study.enqueue(self.space.drawn(params, "demo"))
        suggestion = self.study.ask()
        found = values(suggestion.values) if callable(values) else values
        found = [found] if isinstance(found, int | float) else list(found or [])
        trial = self.directory / f"{suggestion.number:04d}"
        trial.mkdir(parents=True)
        curve = reports(found[0], suggestion.values) if callable(reports) else list(reports)
        with (trial / "metrics.jsonl").open("w") as spool:
            for place, value in enumerate(curve, 1):
                spool.write(json.dumps([place * 40, 0, {self.metrics[0]: value}]) + "\n")
        if len(self.metrics) == 1:
            for place, value in enumerate(curve, 1):
                self.study.report(suggestion.number, place, value)
        if state == "complete":
            violations = {one.metric: one.violation((metrics or {})[one.metric]) for one in self.constraints}
            self.study.complete(suggestion.number, found, violations)
        elif state == "pruned":
            self.study.prune(suggestion.number)
        else:
            self.study.fail(suggestion.number, why, infeasible=why in ("oom", "diverged"))
        return suggestion


def accuracy(values):
    """A bowl over the learning rate with a bend for the batch size."""
    lr, batch = values["optimizer.lr"], values["data.batch_size"]
    return 0.985 - 0.06 * (math.log10(lr) + 2.3) ** 2 - 0.01 * abs(math.log2(batch) - 5)


def rising(final, values):
    """A learning curve that ends at its value."""
    return [final - 0.5 * math.exp(-place / 2.5) + 0.004 * math.sin(place * 3 + final * 50) for place in range(1, 13)]


def quickstart(root, trials=40):
    """Two parameters, some trials pruned, two failed."""
    study = DemoStudy(root, "quickstart-1")
    for number in range(trials):
        if number in (5, 17):
            study.add(accuracy, "failed", why="oom" if number == 5 else "error")
        elif number % 4 == 3:
            study.add(accuracy, "pruned", reports=lambda final, values: rising(final - 0.08, values)[:4])
        else:
            study.add(accuracy, reports=rising)
    return study


def conditional(root, trials=40):
    """A choice of models, each with parameters of its own; failures; a loss with outliers."""
    space = {
        "model": "choice(bilstm, bert)",
        "optimizer.lr": "tag(log, interval(1e-6, 1e-1))",
        "model.dropout": "interval(0.0, 0.5)",
        "data.augment": "choice(true, false)",
    }
    when = {
        "model=bert": {"model.freeze_layers": "range(0, 7)", "model.layer_decay": "interval(0.5, 1.0)"},
        "model=bilstm": {"model.hidden": "choice([64], [128, 128], [256, 256, 256])"},
    }
    study = DemoStudy(root, "conditional-1", space, when, ("val/loss",), ("minimize",), slots=4)

    def loss(values):
        best = -4.5 if values["model"] == "bert" else -2.5
        found = 0.3 + 0.08 * (math.log10(values["optimizer.lr"]) - best) ** 2 + 0.2 * values["model.dropout"] ** 2
        return found if values["optimizer.lr"] < 3e-2 else 1e4 * study.random.random()

    for number in range(trials):
        if number % 9 == 4:
            study.add(loss, "failed", why="diverged")
        else:
            study.add(loss, reports=lambda final, values: [final * (1 + 2 / place) for place in range(1, 9)])
    return study


def several(root, trials=60):
    """Two objectives and a constraint."""
    space = {
        "model.width": "tag(log, int(interval(16, 1024)))",
        "model.depth": "range(1, 7)",
        "optimizer.lr": "tag(log, interval(1e-4, 1e-1))",
    }
    study = DemoStudy(
        root,
        "several-1",
        space,
        metrics=("val/accuracy", "latency_ms"),
        directions=("maximize", "minimize"),
        constraints={"memory_mb": "<= 900"},
    )
    for _ in range(trials):
        memory = {}

        def measured(values, memory=memory):
            width, depth = values["model.width"], values["model.depth"]
            memory["memory_mb"] = width * depth / 3
            value = 1 - 0.9 / math.log2(width) / depth**0.4 - 0.02 * (math.log10(values["optimizer.lr"]) + 2.5) ** 2
            return value, 0.4 + width * depth / 260 + study.random.random() * 0.5

        study.add(measured, metrics=memory)
    return study


def large(root, trials=2_000):
    """Thousands of trials over eight parameters, written at once."""
    space = {f"model.part{place}": f"interval(0, {place + 1})" for place in range(6)}
    space |= {"optimizer.lr": "tag(log, interval(1e-5, 1e-1))", "model.act": "choice(relu, gelu, tanh, silu)"}
    made = DemoStudy(root, "large-1", space)
    kinds = made.space.distributions
    for number in range(trials):
        params = {name: made.random.uniform(0, one.high) for name, one in kinds.items() if name.startswith("model.p")}
        params |= {"optimizer.lr": 10 ** made.random.uniform(-5, -1), "model.act": made.random.choice(["relu", "tanh"])}
        value = 0.9 - 0.04 * (math.log10(params["optimizer.lr"]) + 3) ** 2 - 0.1 * (params["model.part1"] - 1) ** 2
        pruned = number % 3 == 0
        made.study.study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE,
                value=value,
                params=params,
                distributions=kinds,
                intermediate_values={1: value - 0.2, 2: value - 0.1},
            )
        )
    return made


STUDIES = {"quickstart": quickstart, "conditional": conditional, "several": several}

if __name__ == "__main__":
    from hone.report.draw import draw_study

    for make in STUDIES.values():
        made = make(Path(sys.argv[1]))
        drawn = draw_study(made.name, None, made.root, made.directory / "report")
        print(*drawn.files, *drawn.notes, sep="\n")
