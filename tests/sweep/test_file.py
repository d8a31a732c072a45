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
        ("metric: [a, b]", r"a\.yaml: direction: give one for each of the 2 metrics, not 1"),
        ("direction: up", r"a\.yaml: direction: "),
        ("when: [1]", r"a\.yaml: when: "),
        ("enqueue: 3", r"a\.yaml: enqueue: "),
        ("failure: {oom: ignore}", r"a\.yaml: failure\.oom: .*'retry', 'infeasible', 'fail' or 'stop'"),
        ("failure: {timeout: soon}", r"a\.yaml: failure\.timeout: give a duration"),
        ("disk: {budget: plenty}", r"a\.yaml: disk\.budget: give a size such as 500MB"),
        ("disk: {keep: 0}", r"a\.yaml: disk\.keep: "),
        ("resources: {memory: 0}", r"a\.yaml: resources\.memory: .*greater than 0"),
        ("resources: {gpu: 1}", r"a\.yaml: resources\.gpu: no such key\. Did you mean gpus\?"),
        ("resources: {gpus: 1.5}", r"a\.yaml: resources\.gpus: give a share below 1, a whole number, or auto"),
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


def test_sizes_shares_and_several_objectives_are_read(path):
    path.write_text(
        VALID.replace("metric: val/loss", "metric: [val/loss, latency_ms]").replace(
            "direction: minimize", "direction: [minimize, minimize]"
        )
        + "resources: {gpus: 0.25, memory: 1.5GB}\ndisk: {budget: 2TB}\nenqueue: best:a-1\n"
    )

    sweep, _ = load_sweep_file(path)

    assert sweep.metrics == ("val/loss", "latency_ms")
    assert sweep.metric == "val/loss"
    assert (sweep.resources.gpus, sweep.resources.memory, sweep.disk.budget) == (0.25, 1_500_000_000, 2 * 10**12)
    assert sweep.enqueue == ("best:a-1",)
