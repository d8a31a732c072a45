"""The dashboard as a user opens it: MLflow's own server, driven in a real browser."""

import re
import shutil
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import dashboard as pages
import pytest
from terminal import started, wait_for

from hone.tracking.config import TrackingConfig
from hone.tracking.lookup import list_runs, open_runs

TOY = ["--config-name", "toy"]
STUDY = "toy_sweep-1"


@pytest.fixture
def chromium():
    found = pages.find_chromium()
    return found or pytest.skip("Chromium is not installed")


@contextmanager
def served(project):
    with started(project, "dashboard", *TOY, "--port", "0", "--no-browser") as process:
        lines = []
        wait_for(lambda: lines.append(process.stdout.readline()) or "dashboard:" in lines[-1], process, seconds=120)
        yield re.search(r"http://\S+", lines[-1])[0]
        process.send_signal(2)
        process.wait(20)
    assert process.returncode == 0


@pytest.mark.timeout(600)
def test_the_dashboard_shows_a_study_and_its_trials_on_loopback_alone(project, hone_here, seeded_store, chromium):
    shutil.copytree(seeded_store, project / "mlruns")
    assert hone_here("sweep", "toy_sweep.yaml", *TOY, "trials=4").returncode == 0
    runs = open_runs(TrackingConfig(directory=str(project / "mlruns")))
    [study] = list_runs(runs)
    ranked = list_runs(runs, STUDY, sort="objective")

    with served(project) as address, pages.browsing(chromium) as page:
        only_this_machine_is_answered(address)
        experiment = address.partition("/experiments/")[2].partition("/")[0]
        the_table_is_sorted_by_the_objective(page, address, ranked)
        children_stand_under_their_study(page, address, experiment, ranked)
        the_study_has_a_description_and_pictures(page, address, experiment, study)
        two_trials_compare(page, address, experiment, ranked)


def only_this_machine_is_answered(address):
    base = address.partition("#")[0]
    assert base.startswith("http://127.0.0.1:")
    assert urllib.request.urlopen(f"{base}health").read() == b"OK"
    search = f"{base}ajax-api/2.0/mlflow/experiments/search"
    for header in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
        asked = urllib.request.Request(search, b'{"max_results": 1}', {"Content-Type": "application/json", **header})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(asked)
        refused.value.close()
        assert refused.value.code == 403


def the_table_is_sorted_by_the_objective(page, address, ranked):
    pages.open_runs(page, address, STUDY)
    best_first = [one.name for one in ranked]

    assert [one for one in pages.names(page) if one != STUDY] == best_first
    for column in ("objective", "model.lr", "data.batch_size"):
        page.get_by_text(column, exact=True).first.wait_for()
    # The other way round, by the header of the column.
    page.locator("[role=columnheader]").get_by_text("objective", exact=True).last.click()
    page.wait_for_url(re.compile("orderByAsc=false"))
    page.wait_for_function(
        f"[...document.querySelectorAll('[role=row] a[href*=\"/runs/\"]')].length == {len(ranked) + 1}"
    )
    wait_for(lambda: [one for one in pages.names(page) if one != STUDY] == best_first[::-1], seconds=60)


def children_stand_under_their_study(page, address, experiment, ranked):
    pages.open_runs(page, f"{address.partition('#')[0]}#/experiments/{experiment}/runs?{pages.TRAINING}", STUDY)
    assert pages.names(page) == [STUDY]
    page.locator("[role=row]").filter(has_text=STUDY).get_by_role("button").first.click()
    page.get_by_role("link", name=ranked[0].name).first.wait_for()
    assert {one.name for one in ranked} <= set(pages.names(page))


def the_study_has_a_description_and_pictures(page, address, experiment, study):
    pages.open_run(page, address, experiment, study.run_id)
    page.get_by_text("inimize").first.wait_for()
    page.get_by_text(re.compile("hone train --config|best.yaml|val/loss")).first.wait_for()
    for picture in sorted((study_files(study) / "report").glob("*.png"))[:1]:
        pages.open_artifact(page, address, experiment, study.run_id, f"report/{picture.name}")
        page.locator("img").last.wait_for()


def two_trials_compare(page, address, experiment, ranked):
    pages.compare(page, address, experiment, [one.run_id for one in ranked[:2]])
    for run in ranked[:2]:
        page.get_by_text(run.name).first.wait_for()
    page.get_by_text("model.lr").first.wait_for()


def study_files(study):
    return Path(study.artifacts.removeprefix("file://"))


def test_a_dashboard_without_anything_tracked_says_so(project, hone_here):
    answer = hone_here("dashboard", *TOY, "--no-browser")

    assert answer.returncode == 2
    assert "nothing has been tracked here yet" in answer.stderr
