"""``python -m hone.report DIR`` draws what lies in a study's or a run's directory; without DIR it serves an artist."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import os
import queue
import sys
import threading
from pathlib import Path

from hone.errors import HoneError
from hone.report.artist import RUNS, Done, DrawRun, DrawStudy, Request, decode_request, encode_done
from hone.report.draw import draw_evaluation, draw_study
from hone.worker.death import die_with_parent
from hone.worker.disk import EVALUATION

# Whatever trains goes first.
NICENESS = 15


def main(arguments: list[str]) -> int:
    """Draw, or serve.

    Args:
        arguments: None, or ``RUNS``, or ``DIR`` and options.

    Returns:
        Exit status.
    """
    if not arguments or arguments == [RUNS]:
        _serve(runs=bool(arguments))
        return 0
    parser = argparse.ArgumentParser("python -m hone.report", description=__doc__)
    parser.add_argument("directory", type=Path, help="mlruns/trials/STUDY, or a trial's directory in it")
    parser.add_argument("--storage", help="the study's storage, where it is not under mlruns/studies")
    given = parser.parse_args(arguments)
    directory = given.directory.resolve()
    if (directory / EVALUATION).is_dir():
        request: Request = DrawRun(str(directory / EVALUATION))
    else:
        root = directory.parents[1]
        request = DrawStudy(str(directory / "report"), directory.name, given.storage, str(root))
    done = _draw(request, queue.Queue())
    for name in done.files:
        print(Path(request.folder, name))
    for note in done.notes:
        print(note, file=sys.stderr)
    return 0 if done.files else 1


def _serve(*, runs: bool) -> None:
    die_with_parent()
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    # What a library prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    asked: queue.Queue[Request | None] = queue.Queue()
    threading.Thread(target=_read, args=(asked,), daemon=True).start()
    if runs:
        importlib.import_module("hone.report.evaluation")
    while (request := asked.get()) is not None:
        answers.write(encode_done(_draw(request, asked)) + "\n")
        answers.flush()


def _read(asked: queue.Queue[Request | None]) -> None:
    for line in sys.stdin:
        asked.put(decode_request(line))
    asked.put(None)


def _draw(request: Request, asked: queue.Queue[Request | None]) -> Done:
    try:
        if isinstance(request, DrawRun):
            drawn = draw_evaluation(Path(request.folder))
        else:
            # A newer request for the same study makes this one stale.
            drawn = draw_study(
                request.name, request.storage, Path(request.root), Path(request.folder), lambda: request in asked.queue
            )
    except HoneError as error:
        return Done(request, (), (str(error),))
    except Exception as error:  # noqa: BLE001 - the next request may do better
        return Done(request, (), (f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",))
    return Done(request, tuple(one.name for one in drawn.files), drawn.notes, drawn.complete)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
