"""What a stranger's run may not do to who reproduces it."""

import pickle

import pytest
import yaml
from toy import ToyModel

from hone.tracking.store import TrackingConfig, open_store

PLACES = {
    "the model": lambda config, attack: config["model"].clear() or config["model"].update(attack),
    "a callback": lambda config, attack: config["callbacks"].update(extra=attack),
    "an argument": lambda config, attack: config["model"].update(plan=[attack]),
    "an objective": lambda config, attack: config.update(objective=attack),
}
ATTACKS = {
    "os.system": {"_target_": "os.system", "command": "touch hacked"},
    "torch.os.system": {"_target_": "torch.os.system", "command": "touch hacked"},
    "a function of the project's": {"_target_": "toy.os.system", "command": "touch hacked"},
    "Popen": {"_target_": "torch.utils.cpp_extension.subprocess.Popen", "args": ["touch", "hacked"]},
}


@pytest.fixture
def stranger(project, trained):
    """A run in the store whose config its maker has changed; gives its id."""

    def change(edit):
        run = trained("trainer.max_epochs=1")
        path = project / "mlruns" / "artifacts" / run.info.run_id / "artifacts" / "config.yaml"
        config = yaml.safe_load(path.read_text())
        edit(config)
        path.write_text(yaml.safe_dump(config))
        (project / "hostile.yaml").write_text(path.read_text())
        return run.info.run_id

    return change


def test_a_hostile_config_is_refused_with_the_keys_name(project, stranger, reproduced, hone_here, runs):
    run_id = stranger(lambda config: None)
    place = project / "mlruns" / "artifacts" / run_id / "artifacts" / "config.yaml"
    good = place.read_text()
    before = len(runs())
    for attack, put in [
        *((one, PLACES["the model"]) for one in ATTACKS),
        *(("torch.os.system", one) for one in PLACES.values()),
    ]:
        config = yaml.safe_load(good)
        put(config, ATTACKS[attack])
        place.write_text(yaml.safe_dump(config))
        (project / "hostile.yaml").write_text(place.read_text())
        for answer in (reproduced(run_id), hone_here("train", "--config-name", "toy", "--config", "hostile.yaml")):
            assert answer.returncode == 2, answer
            assert "_target_: " in answer.stderr, answer
            assert ATTACKS[attack]["_target_"] in answer.stderr
            assert len(answer.stderr.splitlines()) == 1
    assert not list(project.rglob("hacked"))
    assert len(runs()) == before


def test_a_config_cannot_read_the_environment(stranger, reproduced):
    run_id = stranger(lambda config: config["model"].update(plan="${oc.env:HOME}"))

    answer = reproduced(run_id)

    assert answer.returncode == 2
    assert "config.yaml: model.plan: '${oc.env:HOME}' computes its value" in answer.stderr


def test_a_name_that_the_user_trusts_is_run(stranger, reproduced):
    run_id = stranger(lambda config: config["model"].update(_target_="toy.make_model", width=2))

    refused = reproduced(run_id)
    assert refused.returncode == 2
    assert "--allow toy.make_model if you trust it" in refused.stderr
    assert reproduced(run_id, "--allow", "toy.make_model").returncode == 0


class Bomb:
    """A pickle that runs a command as it is loaded."""

    def __reduce__(self):
        import os

        return os.system, ("touch hacked",)


def test_a_hostile_pickle_in_place_of_a_state_is_not_unpickled(project):
    import torch

    from hone.training.resume import resume_point
    from hone.worker.disk import RESUME_FILE

    for write in (lambda path: path.write_bytes(pickle.dumps(Bomb())), lambda path: torch.save({"x": Bomb()}, path)):
        write(project / RESUME_FILE)
        found, note = resume_point(project)
        assert found is None
        assert "it starts over" in note
    assert not (project / "hacked").exists()


def test_a_hostile_pickle_in_place_of_the_best_checkpoint_is_not_unpickled(project):
    import time

    import torch

    from hone.errors import ModelError
    from hone.training.trial import _needs_pickle

    torch.save({"state_dict": ToyModel(2).state_dict(), "hyper_parameters": Bomb()}, project / "best.ckpt")

    with pytest.raises(ModelError, match="was there before this training began"):
        _needs_pickle(project / "best.ckpt", time.time() + 1)
    assert not (project / "hacked").exists()


def test_an_experiment_of_another_name_is_found_by_the_id_alone(project, hone_here, reproduced, trained):
    answer = hone_here("train", "--config-name", "toy", "trainer.max_epochs=1", "tracking.experiment=elsewhere")
    assert answer.returncode == 0
    store = open_store(TrackingConfig(directory=str(project / "mlruns"), experiment="elsewhere"))
    [run] = store.runs()

    assert reproduced(run, "tracking.experiment=elsewhere").returncode == 0
    trained("trainer.max_epochs=1")
    assert reproduced(run).returncode == 0
    assert len(store.runs()) == 3
