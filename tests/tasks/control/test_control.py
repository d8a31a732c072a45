import sys
from functools import partial

import numpy as np
import pytest
import torch

from hone.errors import DataError
from hone.tasks.control.data import ExpertData, StretchData
from hone.tasks.control.experts import cart_pole
from hone.tasks.control.models import DecisionTransformer
from hone.tasks.control.rollouts import play, record
from hone.training.components import build_data, build_model

pytest.importorskip("gymnasium", reason="pip install 'hone-ml[control]' brings the environments")
TINY = {"hidden_size": 8, "n_layer": 1, "n_head": 2, "max_ep_len": 600}


def gains(episodes):
    return np.mean([one.gain for one in episodes])


def test_the_expert_balances_the_pole_and_chance_does_not():
    random = np.random.default_rng(0)

    expert = play("CartPole-v1", 5, 0, lambda going: [cart_pole(one.observations[-1]) for one in going])
    chance = play("CartPole-v1", 20, 0, lambda going: [int(random.integers(2)) for _ in going])

    assert gains(expert) == 500
    assert gains(chance) < 40


def test_a_recording_has_the_experts_actions_whatever_was_done():
    episodes = record("CartPole-v1", 3, 0, cart_pole, noise=0.3)

    for one in episodes:
        assert len(one.observations) == len(one.actions) == len(one.rewards)
        assert one.actions == [cart_pole(seen) for seen in one.observations]
    again = record("CartPole-v1", 3, 0, cart_pole, noise=0.3)
    assert [one.actions for one in again] == [one.actions for one in episodes]


def test_stretches_say_what_was_still_to_be_gained():
    data = StretchData(expert=cart_pole, episodes=3, noise=0.5, context=7, return_scale=1.0)
    data.setup()
    [episode] = [one for one in data.recorded if data.splits["test"].inputs["states"][0, -1].tolist() in _rows(one)]

    inputs, labels = data.splits["test"].__getitems__(range(len(data.splits["test"])))

    mask = inputs["attention_mask"].bool()
    assert labels.tolist() == episode.actions
    assert inputs["returns_to_go"][mask].flatten().tolist() == list(range(len(episode.actions), 0, -1))
    assert inputs["timesteps"][mask].tolist() == list(range(len(episode.actions)))


def _rows(episode):
    return [torch.tensor(one).float().tolist() for one in episode.observations]


def test_a_decision_transformer_is_saved_to_a_folder_and_fine_tuned_from_it(tmp_path):
    build = partial(DecisionTransformer, 2, 4, "CartPole-v1", context=5, return_scale=100.0)
    small = build(architecture=TINY).eval()
    small.export(tmp_path)
    data = StretchData(expert=cart_pole, episodes=3, noise=0.5, context=5)
    data.setup()
    inputs, labels = data.splits["val"].__getitems__([0, 1])

    same = build(pretrained=str(tmp_path)).eval()

    assert small(inputs).shape == (len(labels), 2)
    assert torch.allclose(small(inputs), same(inputs), atol=1e-6)


@pytest.mark.parametrize(
    ("experiment", "least"),
    [
        (["experiment=cart_pole", "data.episodes=6", "model.val_episodes=2", "model.test_episodes=4"], 200),
        (["experiment=cart_pole_transformer", "data.episodes=4", "model.architecture.n_layer=1"], 15),
    ],
    ids=["cloned", "transformer"],
)
def test_what_was_imitated_is_judged_in_the_environment(resolved, trainer, experiment, least):
    config = resolved(*experiment, "model.val_episodes=1", "model.test_episodes=4", "optimizer.lr=3e-3")
    data = build_data(config)
    model = build_model(config, data)
    run = trainer(max_epochs=2 if least > 100 else 1)

    run.fit(model, datamodule=data)

    assert "val/return" in run.callback_metrics
    (measured,) = run.test(model, data, verbose=False)
    # Chance reaches about 22.
    assert measured["test/return"] > least
    assert measured["test/accuracy"] > 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"expert": None}, r"^data\.expert: name a function from an observation to an action$"),
        ({"environment": "CartPole-v99"}, r"^data\.environment: cannot make 'CartPole-v99': "),
        ({"environment": "Pendulum-v1"}, r"^data\.environment: Pendulum-v1 has no vector to see or no actions"),
        ({"episodes": 2}, r"^data\.episodes: must be at least 3, not 2$"),
        ({"noise": 2.0}, r"^data\.noise: must be in \[0, 1\], not 2\.0$"),
    ],
)
def test_what_is_missing_is_named(options, message):
    with pytest.raises(DataError, match=message):
        ExpertData(**({"expert": cart_pole} | options)).setup()


def test_without_gymnasium_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gymnasium", None)

    with pytest.raises(DataError, match=r"^data\.environment: needs the gymnasium package: .*hone-ml\[control\]'"):
        ExpertData(expert=cart_pole).setup()
