"""What lets hone into a tracking server is kept nowhere and shown nowhere."""

import itertools

import pytest
from servers import Proxy

SWEEP = ["sweep", "toy_sweep.yaml", "--config-name", "toy", "trials=2"]
PASSWORD, TOKEN = "correct-horse-battery", "staple-0123456789"
NUMBERS = itertools.count()


@pytest.fixture
def proxy(mlflow_server):
    one = Proxy(mlflow_server.port)
    yield one
    one.close()


def places_of(secret, *directories):
    """Files that hold a secret, whatever they are: logs, artifacts, databases, outboxes."""
    files = (file for directory in directories for file in directory.rglob("*") if file.is_file())
    return [str(file) for file in files if secret.encode() in file.read_bytes()]


@pytest.mark.parametrize("secret", [PASSWORD, TOKEN], ids=["a password in the URI", "a token in the environment"])
def test_a_secret_is_sent_to_the_server_and_kept_nowhere(mlflow_server, proxy, project, hone_here, monkeypatch, secret):
    address = f"127.0.0.1:{proxy.port}"
    uri = f"http://me:{PASSWORD}@{address}" if secret == PASSWORD else f"http://{address}"
    if secret == TOKEN:
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    place = f"tracking.experiment=secrets-{next(NUMBERS)}"

    offline = hone_here(*SWEEP, place, f"tracking.uri={uri}", "tracking.offline=true", "model.misbehave=raise")
    waiting = places_of(secret, project / "mlruns")
    answers = [
        offline,
        hone_here("ls", "--config-name", "toy", place, f"tracking.uri={uri}"),
        hone_here("sync", "--config-name", "toy", place, f"tracking.uri={uri}"),
        hone_here(*SWEEP, place, f"tracking.uri={uri}"),
        hone_here(*SWEEP, place, "--cfg", "all"),
    ]
    proxy.refuse(500)
    answers.append(hone_here(*SWEEP, place, f"tracking.uri={uri}"))

    assert [answer.returncode for answer in answers] == [1, 2, 0, 0, 0, 2], [answer.stderr for answer in answers]
    sent = proxy.seen - {None}
    assert all(one.startswith("Basic " if secret == PASSWORD else f"Bearer {TOKEN}") for one in sent)
    assert sent
    for answer in answers:
        assert secret not in answer.stdout + answer.stderr
    assert waiting == []
    assert places_of(secret, project / "mlruns", mlflow_server.directory) == []


def test_a_password_in_a_change_that_is_not_committed_stays_out_of_the_provenance(monkeypatch):
    from hone.config.secrets import hide_secrets

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    diff = f'+uri: http://me:{PASSWORD}@host/\n+storage: "postgresql://host/db?user=me&password={PASSWORD}"\n+{TOKEN}\n'

    hidden = hide_secrets(diff)

    assert PASSWORD not in hidden
    assert TOKEN not in hidden
    assert "+uri: http://me:***@host/" in hidden
