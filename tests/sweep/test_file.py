import pytest

from hone.errors import SweepFileError
from hone.sweep.file import load_sweep_file

VALID = """
metric: val/loss
direction: minimize
trials: 4
space: {optimizer.lr: 'interval(0.1, 1)'}
"""


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text(VALID)
    return file


def test_overrides_of_the_sweep_file_and_of_hydra_are_told_apart(path):
    given = ["trials=9", "sampler=random", "sampler.seed=3", "resources.cpus=2", "model=cnn", "+x=1", "study.name=b"]

    sweep, others = load_sweep_file(path, given)

    assert (sweep.trials, sweep.sampler, sweep.resources.cpus, sweep.study.name) == (9, "random", 2, "b")
    assert others == ["sampler.seed=3", "model=cnn", "+x=1"]


@pytest.mark.parametrize(
    ("written", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("1h 30m", 5400), ("1.5h", 5400), ("1d", 86400)]
)
def test_durations_are_written_as_people_say_them(path, written, seconds):
    sweep, _ = load_sweep_file(path, [f"timeout='{written}'"] if not written.isdigit() else [f"timeout={written}"])

    assert sweep.timeout == seconds


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("timeout: soon", r"a\.yaml: timeout: give a duration such as 90s"),
        ("trials: 0", r"a\.yaml: trials: .*greater than 0.*0"),
        ("trials: many", r"a\.yaml: trials: .*valid integer"),
        ("metric: [a, b]", r"a\.yaml: metric: several objectives are not supported yet"),
        ("direction: up", r"a\.yaml: direction: "),
        ("constraints: {latency_ms: '<= 20'}", r"a\.yaml: constraints: .*not supported yet"),
        ("enqueue: [best]", r"a\.yaml: enqueue: .*not supported yet"),
        ("resources: {gpu: 1}", r"a\.yaml: resources\.gpu: no such key\. Did you mean gpus\?"),
        ("resources: {gpus: 0.25}", r"a\.yaml: resources\.gpus: shares of a GPU are not supported yet"),
        ("failure: {retries: -1}", r"a\.yaml: failure\.retries: .*greater than or equal to 0"),
        ("study: {name: 'a/b'}", r"a\.yaml: study\.name: "),
        ("space: [1]", r"a\.yaml: space: "),
    ],
)
def test_a_wrong_value_is_named_by_file_and_key(path, line, message):
    key = line.partition(":")[0]
    path.write_text("\n".join(one for one in VALID.splitlines() if not one.startswith(f"{key}:")) + f"\n{line}\n")

    with pytest.raises(SweepFileError, match=message):
        load_sweep_file(path)
