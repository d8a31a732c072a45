"""The artist: a process of its own that draws, so that no picture ever delays a trial.

It imports nothing of what it draws with here: it is asked by a line of JSON and answers with one.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

PNG = "*.png"
# Told to the process where it will be asked for runs' pictures too.
RUNS = "--runs"
CLOSE_SECONDS = 2.0


@dataclass(frozen=True)
class DrawStudy:
    """Draw a study's report.

    Attributes:
        folder: Where to.
        name: The study.
        storage: Any Optuna storage URL; None for a journal file under ``root``. It may hold a password, so it is given
            over a pipe and not in a command line.
        root: The tracking directory.
    """

    folder: str
    name: str
    storage: str | None
    root: str


@dataclass(frozen=True)
class DrawRun:
    """Draw what a run's predictions came to.

    Attributes:
        folder: Its evaluation folder, where the pictures go too.
    """

    folder: str


Request = DrawStudy | DrawRun


@dataclass(frozen=True)
class Done:
    """What became of a request.

    Attributes:
        request: The request.
        files: What was drawn, by name.
        notes: What could not be drawn, one line each.
        complete: Everything that there was to draw was drawn; False where a newer request came first.
    """

    request: Request
    files: tuple[str, ...]
    notes: tuple[str, ...]
    complete: bool = True


def encode_request(request: Request) -> str:
    """A request as a line, without its end."""
    return json.dumps({"type": type(request).__name__, **asdict(request)})


def decode_request(line: str) -> Request:
    """A line as the request that it holds."""
    fields: dict[str, Any] = json.loads(line)
    return _request(fields)


def encode_done(done: Done) -> str:
    """An answer as a line, without its end."""
    fields = asdict(done)
    fields["request"] = {"type": type(done.request).__name__, **fields["request"]}
    return json.dumps(fields)


def _decode_done(line: str) -> Done:
    fields = json.loads(line)
    return Done(_request(fields["request"]), tuple(fields["files"]), tuple(fields["notes"]), fields["complete"])


def _request(fields: Mapping[str, Any]) -> Request:
    kinds: dict[str, type[DrawStudy | DrawRun]] = {one.__name__: one for one in (DrawStudy, DrawRun)}
    values = {name: value for name, value in fields.items() if name != "type"}
    return kinds[fields["type"]](**values)


class Artist:
    """Draws what it is asked for, one after the other. Used as a ``with`` block, which ends its process.

    Args:
        log: Where its process writes what libraries remark.
    """

    def __init__(self, log: Path) -> None:
        self.log = log
        self._process: subprocess.Popen[str] | None = None
        self._asked: list[Request] = []

    @property
    def busy(self) -> bool:
        """Whether it has not answered everything."""
        return bool(self._asked)

    def warm_up(self, *, runs: bool = False) -> None:
        """Start the process, which takes a second or two to import what it draws with.

        Args:
            runs: It is to import what it needs for runs' pictures, too.
        """
        if self._process is not None:
            return
        environment = os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hone.report", *([RUNS] if runs else [])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                text=True,
                start_new_session=True,
            )

    def ask(self, request: Request) -> None:
        """Ask for something to be drawn.

        Args:
            request: What.
        """
        self.warm_up()
        assert self._process is not None
        assert self._process.stdin is not None
        self._asked.append(request)
        try:
            self._process.stdin.write(encode_request(request) + "\n")
            self._process.stdin.flush()
        except OSError:
            self._died()

    def hear(self, seconds: float = 0.0) -> list[Done]:
        """What has been answered.

        Args:
            seconds: Wait as long for everything that was asked for.

        Returns:
            The answers since the last call. Where the process has died, what it had been asked for is answered with a
            note.
        """
        answers = []
        deadline = time.monotonic() + seconds
        while self._asked and self._readable(max(0.0, deadline - time.monotonic())):
            assert self._process is not None
            assert self._process.stdout is not None
            line = self._process.stdout.readline()
            if not line:
                answers += self._died()
                break
            done = _decode_done(line)
            self._asked.remove(done.request)
            answers.append(done)
        return answers

    def _readable(self, seconds: float) -> bool:
        if self._process is None or self._process.stdout is None:
            return False
        return bool(select.select([self._process.stdout], [], [], seconds)[0])

    def _died(self) -> list[Done]:
        lost, self._asked = self._asked, []
        return [Done(one, (), (f"the process that draws has ended; see {self.log}",)) for one in lost]

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._process is None:
            return
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        self._process.wait(CLOSE_SECONDS)
        self._process = None
        self._asked = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
