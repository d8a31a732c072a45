"""Makes the pictures of the docs from a sweep of sweeps/quickstart.yaml: `make screenshots`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT / "tests" / "support"))

import dashboard as pages  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.text import Text  # noqa: E402

from hone.tracking.config import TrackingConfig  # noqa: E402
from hone.tracking.lookup import list_runs, open_runs  # noqa: E402

HONE = Path(sys.executable).with_name("hone")
SWEEP = ["sweep", "sweeps/quickstart.yaml"]
STUDY = "quickstart-1"
COLUMNS = 104
SETTLED = 2_500


def main() -> None:
    """Sweep, look at it, and leave the pictures in docs/."""
    chromium = pages.find_chromium()
    if chromium is None:
        sys.exit("screenshots: Chromium is not installed")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sweeps").symlink_to(ROOT / "sweeps")
        said = _hone(folder, *SWEEP)
        listed = _hone(folder, "ls", STUDY, "--sort", "objective", "-n", "5")
        with pages.browsing(chromium) as page:
            _terminal(page, (("hone " + " ".join(SWEEP), said), (f"hone ls {STUDY} --sort objective -n 5", listed)))
            with _dashboard(folder) as address:
                _pages(page, address, Path(folder))


def _pages(page: pages.Page, address: str, folder: Path) -> None:
    runs = open_runs(TrackingConfig(directory=str(folder / "mlruns")))
    experiment = address.partition("/experiments/")[2].partition("/")[0]
    [study] = list_runs(runs, limit=1)
    best = [one.run_id for one in list_runs(runs, STUDY, 3, sort="objective")]
    pages.open_runs(page, address, STUDY)
    _picture(page, "dashboard")
    pages.open_run(page, address, experiment, study.run_id)
    _picture(page, "study")
    pages.open_run(page, address, experiment, best[0])
    _picture(page, "run")
    pages.compare(page, address, experiment, best)
    _picture(page, "compare")
    page.goto(f"{study.artifacts}/report/index.html")
    _picture(page, "report", full_page=True)


def _picture(page: pages.Page, name: str, **how: bool) -> None:
    page.wait_for_timeout(SETTLED)
    page.screenshot(path=DOCS / f"{name}.png", **how)


def _hone(folder: str, *arguments: str) -> str:
    environment = os.environ | {"COLUMNS": str(COLUMNS), "FORCE_COLOR": "1", "TTY_INTERACTIVE": "0"}
    done = subprocess.run([HONE, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def _terminal(page: pages.Page, commands: tuple[tuple[str, str], ...]) -> None:
    console = Console(record=True, width=COLUMNS, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115, PTH123
    for command, output in commands:
        console.print(Text(f"$ {command}", style="bold"))
        console.print(Text.from_ansi(output))
    page.set_content(console.export_svg(title="hone"))
    page.locator("svg").first.screenshot(path=DOCS / "terminal.png")


@contextmanager
def _dashboard(folder: str) -> Iterator[str]:
    command = [HONE, "dashboard", "--no-browser", "--port", "5900"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = next(one for one in process.stdout if "dashboard:" in one)
            yield re.findall(r"http://\S+", line)[0]
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
