"""The dashboard in a real Chromium: how its pages are reached, for the tests and for the screenshots of the docs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# A machine that does other things as well takes its time over the first page.
PATIENCE = 90_000
TRAINING = "workflowType=machine_learning"
# MLflow opens its assistant beside the first page that a browser sees.
QUIET = """
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
localStorage.setItem('mlflow.assistant.panelOpen_v1', 'false');
"""


def find_chromium() -> str | None:
    """A browser to drive, or None; under CI its absence is a failure."""
    found = next((one for one in map(shutil.which, BROWSERS) if one), None)
    assert found or os.environ.get("CI") != "true", "Chromium is not installed"
    return found


@contextmanager
def browsing(executable: str, width: int = 1500, height: int = 850) -> Iterator[Page]:
    """A page of a browser of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(PATIENCE)
        page.add_init_script(QUIET)
        try:
            yield page
        finally:
            browser.close()


def visit(page: Page, address: str) -> None:
    """Open a page afresh: what stands behind a # alone would change, which MLflow's pages do not always notice."""
    page.goto("about:blank")
    page.goto(address)


def open_runs(page: Page, address: str, name: str) -> None:
    """Open the runs table and wait until a run is in it."""
    visit(page, address)
    page.get_by_role("link", name=name).first.wait_for()


def names(page: Page) -> list[str]:
    """The names of the runs in the table, from the top."""
    rows = page.locator(".ag-center-cols-container .ag-row, .ag-pinned-left-cols-container .ag-row")
    found = page.locator("[role=row] a[href*='/runs/']")
    rows.first.wait_for()
    placed = [(one.bounding_box()["y"], one.inner_text()) for one in found.all() if one.bounding_box()]
    return [text for _, text in sorted(placed)]


def open_run(page: Page, address: str, experiment: str, run_id: str) -> None:
    """Open a run's own page."""
    visit(page, f"{address.partition('#')[0]}#/experiments/{experiment}/runs/{run_id}?{TRAINING}")
    page.get_by_text(run_id).first.wait_for()


def open_artifact(page: Page, address: str, experiment: str, run_id: str, path: str) -> None:
    """Open one of a run's files."""
    visit(page, f"{address.partition('#')[0]}#/experiments/{experiment}/runs/{run_id}/artifacts/{path}?{TRAINING}")
    page.get_by_text(path.rpartition("/")[2]).first.wait_for()


def compare(page: Page, address: str, experiment: str, run_ids: list[str]) -> None:
    """Open the page that sets runs side by side."""
    quoted = ",".join(f'"{one}"' for one in run_ids)
    visit(page, f'{address.partition("#")[0]}#/compare-runs?runs=[{quoted}]&experiments=["{experiment}"]&{TRAINING}')
    page.get_by_text("Comparing", exact=False).first.wait_for()
