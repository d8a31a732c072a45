"""A run again: the same to the bit, and each kind of drift by a test that makes it."""

import json

import pytest
import torch

POINTS = "".join(f"{x / 10},{1 - x / 20},{x % 3}\n" for x in range(40))
FILED = ("data._target_=toy.FiledData", "~data.rows")


def comparison(project, run):
    path = project / "mlruns" / "artifacts" / run.info.run_id / "artifacts" / "reproduction.json"
    return json.loads(path.read_text())


def test_a_run_is_the_same_to_the_bit_and_the_new_one_says_of_which(project, trained, reproduced, runs):
    run = trained()

    answer = reproduced(run.info.run_id[:8])

    assert answer.returncode == 0, answer
    assert [line for line in answer.stdout.splitlines() if line.startswith("identical")]
    assert "nothing differs" in answer.stdout
    assert "the weights are the same to the bit" in answer.stdout
    again = runs()[-1]
    assert again.data.tags["hone.reproduces"] == run.info.run_id
    assert again.data.tags["hone.verdict"] == "identical"
    assert again.data.tags["hone.weights"] == run.data.tags["hone.weights"]
    assert again.data.metrics == run.data.metrics
    assert comparison(project, again)["word"] == "identical"


def test_another_seed_differs_and_the_first_step_is_named(trained, reproduced, runs):
    run = trained()

    answer = reproduced(run, "seed=5")

    assert answer.returncode == 1
    assert "differs  " in answer.stdout
    assert "first difference: " in answer.stdout
    assert " at step 3: " in answer.stdout
    assert [line.split() for line in answer.stdout.splitlines() if line.startswith("seed")] == [["seed", "1", "5"]]
    assert runs()[-1].data.tags["hone.verdict"] == "differs"


def test_what_is_tolerated_is_said_with_where_it_is(trained, reproduced):
    run = trained()

    answer = reproduced(run, "seed=5", "--tolerance", "100")

    assert answer.returncode == 0
    assert "within tolerance  " in answer.stdout
    assert "100 is tolerated" in answer.stdout


def test_another_thread_count_is_shown(trained, reproduced):
    run = trained("trainer.max_epochs=1")
    threads = torch.multiprocessing.cpu_count()

    answer = reproduced(run, "--threads", "1")

    if threads > 1:
        assert "threads of torch" in answer.stdout
    assert answer.returncode in (0, 1)


def test_another_version_of_a_package_is_shown(project, trained, reproduced):
    old, new = (project / f"toybox-{version}.dist-info" for version in ("1.0", "2.0"))
    old.mkdir()
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: toybox\nVersion: 1.0\n")
    run = trained("trainer.max_epochs=1")
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: toybox\nVersion: 2.0\n")
    old.rename(new)

    answer = reproduced(run)

    assert [line.split() for line in answer.stdout.splitlines() if "toybox" in line] == [["toybox", "1.0", "2.0"]]


def test_a_changed_source_line_is_shown_with_its_file(project, trained, reproduced):
    run = trained("trainer.max_epochs=1")
    with (project / "toy.py").open("a") as file:
        file.write("LINE = 1\n")

    answer = reproduced(run)

    assert "files of it  toy.py" in answer.stdout


def test_one_byte_of_data_is_refused_unless_told(project, trained, reproduced, runs):
    (project / "points.csv").write_text(POINTS)
    run = trained(*FILED)
    assert reproduced(run).returncode == 0
    before = len(runs())
    (project / "points.csv").write_text(POINTS.replace("0.1,", "0.2,", 1))

    refused = reproduced(run)

    assert refused.returncode == 2
    assert refused.stderr.startswith("hone: ")
    assert "points.csv" in refused.stderr
    assert "--allow-data-change" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert len(runs()) == before
    assert [one.name for one in (project / "mlruns" / "trials" / "again").iterdir()] == ["0000"]

    told = reproduced(run, "--allow-data-change")
    assert told.returncode == 1
    assert "points.csv" in told.stdout


def test_data_that_lies_elsewhere_is_found_by_the_root(project, trained, reproduced):
    (project / "there").mkdir()
    (project / "there" / "points.csv").write_text(POINTS)
    run = trained(*FILED, "+data.path=there/points.csv", "+data_root=there")
    (project / "there").rename(project / "here")

    answer = reproduced(run, "data.path=here/points.csv")

    assert answer.returncode == 0, answer
    assert "identical" in answer.stdout


def test_a_pruned_trial_is_stopped_where_it_was(hone_here, reproduced, runs):
    pruner = ["pruner=threshold", "++pruner.upper=1e-6", "++pruner.n_warmup_steps=1"]
    swept = hone_here("sweep", "toy_sweep.yaml", "--config-name", "toy", "trials=1", "executor.max_parallel=1", *pruner)
    pruned = [one for one in runs() if one.data.tags.get("hone.state") == "pruned"]
    assert pruned, swept

    answer = reproduced(pruned[0])

    assert answer.returncode == 0, answer
    assert runs()[-1].data.tags["hone.state"] == "pruned"
    assert runs()[-1].data.tags["hone.steps"] == pruned[0].data.tags["hone.steps"]


def test_a_run_that_failed_fails_the_same_way(trained, reproduced):
    run = trained("model.misbehave=diverge", "model.at_epoch=1")

    answer = reproduced(run)

    assert answer.returncode == 0, answer
    assert "identical" in answer.stdout


def test_a_secret_that_was_hidden_must_be_given(project, trained, reproduced, runs):
    run = trained("trainer.max_epochs=1", "+api_key=hunter22")
    kept = [one for one in (project / "mlruns" / "artifacts").rglob("*") if one.is_file()]
    assert not [one for one in kept if b"hunter22" in one.read_bytes()]
    assert run.data.params["api_key"] == "***"

    refused = reproduced(run)
    assert refused.returncode == 2
    assert "api_key: is a secret, which no run keeps; give it: api_key=..." in refused.stderr
    assert reproduced(run, "api_key=hunter22").returncode == 0


@pytest.mark.parametrize("name", ["0" * 32, "nothing"])
def test_a_run_that_is_not_there_is_said_in_one_line(name, trained, reproduced):
    trained("trainer.max_epochs=1")

    answer = reproduced(name)

    assert answer.returncode == 2
    assert len(answer.stderr.splitlines()) == 1
