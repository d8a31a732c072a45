"""The report as one page: every picture, with one copy of plotly, which opens from disk and inside MLflow alike.

MLflow shows an HTML artifact by itself in a frame from which nothing beside it can be reached, so that a script that
lies beside the page would not be found.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from plotly.offline import get_plotlyjs

from hone.report.chart import Chart
from hone.report.figures import figure_of
from hone.report.look import FAINT, FONT, INK, MUTED, PAPER

STYLE = f"""
body {{ margin: 0; background: {PAPER}; color: {INK}; font: 15px/1.5 {FONT}; }}
main {{ max-width: 1080px; margin: 0 auto; padding: 20px 28px 60px; }}
h1 {{ font-size: 24px; margin: 4px 0 2px; }}
h2 {{ font-size: 18px; margin: 36px 0 0; }}
h3 {{ font-size: 14px; margin: 18px 0 0; }}
p {{ margin: 4px 0; }}
.muted, figcaption {{ color: {MUTED}; font-size: 13px; }}
nav {{ margin: 14px 0 0; padding: 8px 0; border-top: 1px solid {FAINT}; border-bottom: 1px solid {FAINT}; }}
nav a {{ color: {INK}; text-decoration: none; margin-right: 18px; font-size: 13px; white-space: nowrap; }}
nav a:hover {{ text-decoration: underline; }}
figure {{ margin: 6px 0 0; }}
table {{ border-collapse: collapse; margin: 8px 0 0; font-size: 13px; }}
th, td {{ text-align: left; vertical-align: top; padding: 4px 14px 4px 0; border-bottom: 1px solid {FAINT}; }}
th {{ color: {MUTED}; font-weight: 500; }}
code {{ background: #f3f4f6; padding: 1px 5px; border-radius: 4px; font-size: 13px; }}
"""
OPTIONS = "{responsive: true, displaylogo: false}"


def page_of(title: str, lines: Sequence[str], charts: Sequence[Chart], parts: Sequence[tuple[str, str]] = ()) -> str:
    """The page.

    Args:
        title: Of the whole.
        lines: What is said at its head, as plain text; what stands in backticks is code.
        charts: The pictures.
        parts: What follows them: a title, and HTML under it.

    Returns:
        HTML that needs no other file.
    """
    links = " ".join(f'<a href="#{one.name}">{html.escape(_short(one.title))}</a>' for one in charts)
    links += " ".join(
        f'<a href="#part-{place}">{html.escape(_short(name))}</a>' for place, (name, _) in enumerate(parts)
    )
    figures = "\n".join(map(_figure, charts))
    figures += "\n".join(
        f'<section id="part-{place}"><h2>{html.escape(name)}</h2>{text}</section>'
        for place, (name, text) in enumerate(parts)
    )
    said = "".join(f"<p>{as_html(one)}</p>" for one in lines)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style><script>{get_plotlyjs()}</script></head><body><main>"
        f"<h1>{html.escape(title)}</h1>{said}<nav>{links}</nav>{figures}</main></body></html>"
    )


def table_of(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as HTML.

    Args:
        columns: Their names.
        rows: Plain text; what stands in backticks is code.
    """
    head = "".join(f"<th>{html.escape(one)}</th>" for one in columns)
    body = "".join("<tr>" + "".join(f"<td>{as_html(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def save_page(text: str, path: Path) -> None:
    """Write a page, replacing the one before when it is complete."""
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _figure(chart: Chart) -> str:
    # A key of a config may hold anything, the end of a script included.
    content = figure_of(chart).to_json().replace("</", "<\\/")
    caption = f"<figcaption>{html.escape(chart.caption)}</figcaption>" if chart.caption else ""
    return (
        f'<section id="{chart.name}"><h2>{html.escape(chart.title)}</h2><figure><div id="{chart.name}-plot"></div>'
        f"{caption}</figure><script>{{ const figure = {content};"
        f' Plotly.newPlot("{chart.name}-plot", figure.data, figure.layout, {OPTIONS}); }}</script></section>'
    )


def _short(title: str) -> str:
    return title.partition(":")[0]


def as_html(text: str) -> str:
    """A plain text as HTML; what stands in backticks is code."""
    parts = html.escape(text).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))
