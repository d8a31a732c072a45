"""A database as the storage of a study that one process alone writes."""

from __future__ import annotations

import copy
from collections.abc import Container, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.study._frozen import FrozenStudy
from optuna.trial import FrozenTrial, TrialState


class RememberedStorage(BaseStorage):
    """Writes every change at once, and reads each trial only after a change that the database has a part in.

    Before each verdict Optuna reads every trial that runs back from its database, as another process might have
    changed it. A study has one controller, which wrote them all. With 64 trials at once this is the difference between
    milliseconds and seconds.

    Args:
        backend: Keeps everything. Nobody else changes the trials of the studies that are used here.
    """

    def __init__(self, backend: BaseStorage) -> None:
        self._backend = backend
        self._trials: dict[int, FrozenTrial] = {}
        self._listed: dict[int, list[int]] = {}

    def create_new_study(self, directions: Sequence[StudyDirection], study_name: str | None = None) -> int:
        """Create a study."""
        return self._backend.create_new_study(directions, study_name)

    def delete_study(self, study_id: int) -> None:
        """Delete a study and its trials."""
        trials = self._of(study_id)
        self._backend.delete_study(study_id)
        for trial_id in trials:
            del self._trials[trial_id]
        del self._listed[study_id]

    def set_study_user_attr(self, study_id: int, key: str, value: Any) -> None:
        """Keep something of a study."""
        self._backend.set_study_user_attr(study_id, key, value)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        """Keep something of Optuna's."""
        self._backend.set_study_system_attr(study_id, key, value)

    def get_study_id_from_name(self, study_name: str) -> int:
        """A study by its name."""
        return self._backend.get_study_id_from_name(study_name)

    def get_study_name_from_id(self, study_id: int) -> str:
        """A study's name."""
        return self._backend.get_study_name_from_id(study_id)

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        """A study's directions."""
        return self._backend.get_study_directions(study_id)

    def get_study_user_attrs(self, study_id: int) -> dict[str, Any]:
        """What is kept of a study."""
        return self._backend.get_study_user_attrs(study_id)

    def get_study_system_attrs(self, study_id: int) -> dict[str, Any]:
        """What Optuna keeps of a study."""
        return self._backend.get_study_system_attrs(study_id)

    def get_all_studies(self) -> list[FrozenStudy]:
        """Every study of the database."""
        return self._backend.get_all_studies()

    def remove_session(self) -> None:
        """Close the connections."""
        self._backend.remove_session()

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Create a trial."""
        trials = self._of(study_id)
        trial_id = self._backend.create_new_trial(study_id, template_trial)
        trials.append(trial_id)
        self._read(trial_id)
        return trial_id

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """Keep what was suggested."""
        self._backend.set_trial_param(trial_id, param_name, param_value_internal, distribution)
        changed = self._copy(trial_id)
        value = distribution.to_external_repr(param_value_internal)
        changed.params = {**changed.params, param_name: value}
        changed.distributions = {**changed.distributions, param_name: distribution}

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Begin a trial, or end it with its values."""
        is_changed = self._backend.set_trial_state_values(trial_id, state, values)
        self._read(trial_id)
        return is_changed

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """Keep a report."""
        self._backend.set_trial_intermediate_value(trial_id, step, intermediate_value)
        changed = self._copy(trial_id)
        changed.intermediate_values = {**changed.intermediate_values, step: intermediate_value}

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Keep something of a trial."""
        self._backend.set_trial_user_attr(trial_id, key, value)
        self._read(trial_id)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Keep something of Optuna's."""
        self._backend.set_trial_system_attr(trial_id, key, value)
        self._read(trial_id)

    def get_trial_id_from_study_id_trial_number(self, study_id: int, trial_number: int) -> int:
        """A trial by its number."""
        return self._backend.get_trial_id_from_study_id_trial_number(study_id, trial_number)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """A trial."""
        if trial_id not in self._trials:
            self._read(trial_id)
        return self._trials[trial_id]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """A study's trials, by number."""
        trials = (self._trials[one] for one in self._of(study_id))
        found = [one for one in trials if states is None or one.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def _of(self, study_id: int) -> list[int]:
        if study_id not in self._listed:
            trials = {one._trial_id: one for one in self._backend.get_all_trials(study_id, deepcopy=False)}
            self._trials |= trials
            self._listed[study_id] = list(trials)
        return self._listed[study_id]

    def _read(self, trial_id: int) -> None:
        self._trials[trial_id] = self._backend.get_trial(trial_id)

    def _copy(self, trial_id: int) -> FrozenTrial:
        """Put a copy in a trial's place: those who were given it are not to see it change."""
        self._trials[trial_id] = copy.copy(self.get_trial(trial_id))
        return self._trials[trial_id]
