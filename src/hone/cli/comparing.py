"""``hone compare``."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from hone.cli.looking import Place
from hone.errors import ConfigError, MetricError, did_you_mean
from hone.tracking.store import open_store


def compare(
    names: tuple[str, ...], place: Place, metrics: tuple[str, ...], png: Path | None, html: Path | None
) -> None:
    """Print what differs between runs, and write it to files where asked.

    Args:
        names: The runs.
        place: Where to look.
        metrics: Which curves to draw; those with several values where none is named.
        png: A file for the curves.
        html: A file for a page.

    Raises:
        HoneError: There are fewer than two runs, or no such run or metric.
    """
    from hone.compare.curves import curved, write_png
    from hone.compare.differences import compare as lay_side_by_side
    from hone.compare.page import write_page
    from hone.compare.terminal import print_comparison

    if len(names) < 2:
        raise ConfigError("give two runs or more", where="hone compare")
    for file in (png, html):
        if file is not None and not file.absolute().parent.is_dir():
            raise ConfigError(f"no such directory: {file.absolute().parent}", where=str(file))
    comparison = lay_side_by_side(open_store(place.tracking(), create=False), names)
    known = {name for points in comparison.points for name in points}
    for one in metrics:
        if one not in known:
            raise MetricError(f"no run has it.{did_you_mean(one, known)}", where=f"--metric {one}")
    drawn = curved(comparison, metrics)
    console = Console(highlight=False)
    print_comparison(comparison, drawn, console)
    if png is not None:
        write_png(comparison, drawn, png)
        console.print(f"[dim]curves[/] {png}", soft_wrap=True)
    if html is not None:
        write_page(comparison, drawn, html)
        console.print(f"[dim]page[/] {html}", soft_wrap=True)
