"""The ``feedback:`` section of a sweep file: what a loop may change from round to round, and on what evidence."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator, model_validator


class ConfirmSection(BaseModel):
    """How a round's best are confirmed.

    Attributes:
        best: How many configurations are trained again.
        seeds: On how many seeds each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    best: PositiveInt = 3
    seeds: PositiveInt = 3


class LaggingSection(BaseModel):
    """What follows where a class or another slice of the data lags behind the whole.

    Attributes:
        by: So far below the whole, in the metric's own units.
        apply: Overrides that may be switched on then, such as ``{model.class_weights: balanced}``.
        metric: The metric that may take the objective's place then, such as ``val/f1``.
        direction: Whether more of it is better, or less.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: float = Field(default=0.1, gt=0)
    apply: dict[str, Any] = Field(default_factory=dict)
    metric: str | None = None
    direction: Literal["maximize", "minimize"] | None = None

    @model_validator(mode="after")
    def _directed(self) -> Self:
        if (self.metric is None) != (self.direction is None):
            missing = "direction (maximize or minimize)" if self.direction is None else "metric"
            raise ValueError(f"metric and direction belong together; give {missing} as well")
        return self


class FeedbackSection(BaseModel):
    """What a loop may change from round to round.

    Attributes:
        min_trials: Complete trials below which nothing is said of a range, and twice of which of an importance.
        keep: The share of complete trials that count as good.
        shrink: Ranges shrink to where good trials are.
        grow: Ranges grow where the best are at an edge.
        freeze: A parameter whose share of importance is below it, and no more than chance would give, is fixed; 0 for
            never.
        drop: An option that is worse than the best one at this level of significance is dropped; 0 for never.
        bound: Failures bound what is searched.
        elites: How many of a round's best are the first trials of the next.
        limits: The least and the most that a key may ever be; null for either.
        trials: How many trials each round has, the last number for all that follow; the file's ``trials`` without.
        fidelity: Keys with a value for each round, the last for all that follow, such as
            ``{trainer.max_epochs: [3, 9]}``.
        confirm: How a round's best are confirmed.
        lagging: What follows where a class or another slice lags.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_trials: PositiveInt = 10
    keep: float = Field(default=0.25, gt=0, lt=1)
    shrink: bool = True
    grow: bool = True
    freeze: float = Field(default=0.1, ge=0, lt=1)
    drop: float = Field(default=0.05, ge=0, lt=1)
    bound: bool = True
    elites: int = Field(default=4, ge=0)
    limits: dict[str, tuple[float | None, float | None]] = Field(default_factory=dict)
    trials: tuple[PositiveInt, ...] = ()
    fidelity: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    confirm: ConfirmSection = ConfirmSection()
    lagging: LaggingSection = LaggingSection()

    @field_validator("trials", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return (value,) if isinstance(value, int) else value

    @field_validator("fidelity", mode="before")
    @classmethod
    def _for_each_round(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        empty = next((key for key, one in value.items() if isinstance(one, list) and not one), None)
        if empty is not None:
            raise ValueError(f"give {empty} a value for each round, such as [3, 9]")
        return {str(key): one if isinstance(one, list | tuple) else [one] for key, one in value.items()}

    @field_validator("limits", mode="after")
    @classmethod
    def _ascending(cls, value: dict[str, tuple[float | None, float | None]]) -> Any:
        for key, (least, most) in value.items():
            if least is not None and most is not None and least > most:
                raise ValueError(f"{key}: give the least first, not [{least:g}, {most:g}]")
        return value

    def trials_of(self, number: int, otherwise: int) -> int:
        """How many trials a round has.

        Args:
            number: The round, from 1.
            otherwise: What the file says in general.
        """
        return self.trials[min(number, len(self.trials)) - 1] if self.trials else otherwise

    def fidelity_of(self, number: int) -> dict[str, Any]:
        """What a round's trials are given of what makes them dear."""
        return {key: values[min(number, len(values)) - 1] for key, values in self.fidelity.items()}

    @property
    def levels(self) -> int:
        """The round from which the fidelity stays as it is."""
        return max((len(values) for values in self.fidelity.values()), default=1)
