"""How hone's pictures look, said once for both libraries that draw them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

INK, MUTED, FAINT, PAPER = "#1f2937", "#6b7280", "#e5e7eb", "#ffffff"
ACCENT = "#2563eb"
STATES = {
    "best": "#059669",
    "complete": ACCENT,
    "pruned": "#d97706",
    "failed": "#dc2626",
    "infeasible": "#9333ea",
    "stopped": MUTED,
    "running": MUTED,
}
# Told apart without colour too.
SYMBOLS = {
    "best": "star",
    "complete": "circle",
    "pruned": "diamond",
    "failed": "cross",
    "infeasible": "square",
    "stopped": "cross",
    "running": "circle",
}
# For classes and other things without an order; distinguishable to colour-blind eyes.
SERIES = ("#2563eb", "#d97706", "#059669", "#9333ea", "#dc2626", "#0891b2", "#db2777", "#65a30d", "#78716c", "#4338ca")
# Pale is poor, deep is good.
RAMP = ("#eef4ff", "#c7dbff", "#8fb8fb", "#4f8df0", "#2563eb", "#1e3a8a")
FONT = "Inter, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
DPI = 130
DASH = "none"
TICKS = 7
STEPS_OF_A_CLOCK = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


def matplotlib_style() -> dict[str, Any]:
    """What matplotlib's ``rc_context`` takes."""
    return {
        "figure.facecolor": PAPER,
        "figure.dpi": DPI,
        "savefig.dpi": DPI,
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 9,
        "axes.titlesize": 9.5,
        "axes.titlecolor": INK,
        "axes.labelsize": 9,
        "axes.labelcolor": INK,
        "axes.edgecolor": "#9ca3af",
        "axes.facecolor": PAPER,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.8,
        "grid.color": FAINT,
        "grid.linewidth": 0.7,
        "text.color": INK,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "legend.frameon": False,
        "legend.fontsize": 8,
        # Text is text: a key may have any characters in it.
        "text.usetex": False,
        "axes.formatter.use_mathtext": False,
    }


def plotly_layout() -> dict[str, Any]:
    """The layout that every plotly figure starts from."""
    axis = {
        "gridcolor": FAINT,
        "linecolor": "#9ca3af",
        "showline": True,
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": "#9ca3af",
        "tickfont": {"color": MUTED, "size": 12},
        "title": {"font": {"color": INK, "size": 13}, "standoff": 8},
        "zeroline": False,
        "automargin": True,
    }
    return {
        "font": {"family": FONT, "color": INK, "size": 13},
        "paper_bgcolor": PAPER,
        "plot_bgcolor": PAPER,
        "hoverlabel": {"bgcolor": PAPER, "bordercolor": FAINT, "font": {"color": INK, "size": 12}, "align": "left"},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"},
        "margin": {"l": 60, "r": 24, "t": 40, "b": 50},
        "xaxis": axis,
        "yaxis": axis,
    }


def better(metric: str, *, more: bool) -> str:
    """A metric's name with its direction."""
    return f"{metric} ({'higher' if more else 'lower'} is better)"


def number(value: float) -> str:
    """A number as an axis or a label shows it: ``0.0003``, ``3e-5``, ``1.2e6``, ``64``."""
    if not math.isfinite(value):
        return str(value)
    if value and not 1e-3 <= abs(value) < 1e5:
        mantissa, _, exponent = f"{value:.2e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"
    return f"{value:.4g}"


def log_ticks(low: float, high: float) -> list[float]:
    """Ticks of an axis in powers of ten, finer where it spans few of them."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    span = math.log10(high / low)
    within: Sequence[int] = (1, 2, 5) if span < 2.2 else (1, 3) if span < 3.2 else (1,)
    every = max(1, math.ceil((last - first) / TICKS)) if span >= TICKS else 1
    found = [part * 10.0**power for power in range(first, last + 1, every) for part in within]
    ticks = [one for one in found if low * 0.999 <= one <= high * 1.001]
    return ticks if len(ticks) > 1 else [low, high]


def clock_ticks(low: float, high: float) -> list[float]:
    """Ticks of an axis of seconds, at whole ones."""
    step = next((one for one in STEPS_OF_A_CLOCK if (high - low) / one <= TICKS), (high - low) / TICKS or 1)
    first = math.ceil(low / step)
    return [step * place for place in range(first, math.floor(high / step) + 1)]


def clock_text(seconds: float) -> str:
    """``45 s``, ``3:20 min``, ``1:05 h``."""
    whole = round(seconds)
    if whole < 120:
        return f"{seconds:.3g} s"
    if whole < 7_200:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3_600}:{whole % 3_600 // 60:02d} h"


def shorten(text: str, most: int = 24) -> str:
    """A text that fits beside an axis."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
