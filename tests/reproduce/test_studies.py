"""A whole study again."""

SWEEP = ("sweep", "toy_sweep.yaml", "--config-name", "toy", "trainer.max_epochs=1", "trials=3")


def test_a_study_of_one_worker_makes_the_same_suggestions_and_results(hone_here, reproduced):
    assert hone_here(*SWEEP, "executor.max_parallel=1", "sampler=tpe", "++sampler.n_startup_trials=1").returncode == 0

    answer = reproduced("toy_sweep-1")

    assert answer.returncode == 0, answer
    assert "3 of 3 trials run again: 3 identical" in answer.stdout
    assert "the same suggestions in the same order" in answer.stdout


def test_a_study_of_several_workers_has_each_trials_own_result(hone_here, reproduced, monkeypatch):
    monkeypatch.setattr("hone.executors.local.cpu_count", lambda: 2)
    assert hone_here(*SWEEP, "executor.max_parallel=2", "resources.cpus=1").returncode == 0

    answer = reproduced("toy_sweep-1")

    assert answer.returncode == 0, answer
    assert "3 identical" in answer.stdout
    assert "since 2 trials ran at once" in answer.stdout


def test_a_study_that_learns_from_another_makes_the_same_suggestions(hone_here, reproduced):
    fresh = (*SWEEP, "executor.max_parallel=1", "sampler=tpe", "++sampler.n_startup_trials=2")
    assert hone_here(*fresh).returncode == 0
    later = hone_here(*fresh, "learn_from=toy_sweep-1")
    assert later.returncode == 0
    assert "learns from 3 trials of toy_sweep-1" in later.stdout

    answer = reproduced("toy_sweep-2")

    assert answer.returncode == 0, answer
    assert "the same suggestions in the same order" in answer.stdout


def test_another_sampler_is_noticed(project, hone_here, reproduced):
    assert hone_here(*SWEEP, "executor.max_parallel=1").returncode == 0
    [search] = project.glob("mlruns/artifacts/*/artifacts/search.json")
    search.write_text(search.read_text().replace('"seed": 1', '"seed": 2'))

    answer = reproduced("toy_sweep-1")

    assert answer.returncode == 1
    assert "its sampler differs at trial 0: " in answer.stdout
