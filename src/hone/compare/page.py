"""A comparison as a page that needs nothing beside itself."""

from __future__ import annotations

from html import escape
from pathlib import Path

from hone.compare.curves import PICTURE_COLOURS, as_svg
from hone.compare.differences import Comparison, Row
from hone.config.files import write_text

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1b1f24; background: #fff; margin: 2rem auto; max-width: 70rem;
  padding: 0 1rem; }
h1 { font-size: 1.35rem; } h2 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; }
h2 small, td.key, th, .id { color: #5b6570; font-weight: normal; }
table { border-collapse: collapse; } .wide { overflow-x: auto; }
th, td { text-align: left; padding: .25rem 1.2rem .25rem 0; border-bottom: 1px solid #e6e9ec; vertical-align: top; }
td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .5em; }
.id { font-family: ui-monospace, monospace; font-size: .85em; } svg { max-width: 100%; height: auto; }
"""


def write_page(comparison: Comparison, metrics: list[str], path: Path) -> None:
    """Write the page.

    Args:
        comparison: The runs.
        metrics: Which to draw.
        path: The file.
    """
    title = f"{len(comparison.runs)} runs compared"
    parts = [f"<h1>{title}</h1>", _runs(comparison)]
    parts += [_section(comparison, name, rows, same) for name, rows, same in comparison.sections]
    if metrics:
        parts.append(f"<h2>curves</h2>{as_svg(comparison, metrics)}")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    body = "\n".join(parts)
    write_text(
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{STYLE}</style></head>\n<body>\n{body}\n</body></html>\n',
        path,
    )


def _runs(comparison: Comparison) -> str:
    lines = [
        f"<tr><td>{_dot(number)}{escape(name)}</td><td>{escape(run.state)}</td>"
        f'<td class="id">{escape(run.run_id)}</td></tr>'
        for number, (name, run) in enumerate(zip(comparison.names, comparison.runs, strict=True))
    ]
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'


def _section(comparison: Comparison, title: str, rows: tuple[Row, ...], same: int) -> str:
    note = f"{same} the same" if rows else f"all {same} the same"
    head = f"<h2>{title} <small>{note}</small></h2>"
    if not rows:
        return head
    names = "".join(f"<th>{_dot(number)}{escape(name)}</th>" for number, name in enumerate(comparison.names))
    lines = [
        f'<tr><td class="key">{escape(key)}</td>{"".join(f"<td>{escape(one)}</td>" for one in values)}</tr>'
        for key, values in rows
    ]
    return f'{head}<div class="wide"><table><tr><th></th>{names}</tr>{"".join(lines)}</table></div>'


def _dot(number: int) -> str:
    return f'<span class="dot" style="background:{PICTURE_COLOURS[number % len(PICTURE_COLOURS)]}"></span>'
