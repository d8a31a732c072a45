"""What the pictures of a study show: each is a function from the study to a chart, or to None without anything."""

from __future__ import annotations

from collections.abc import Callable

from hone.report.chart import Chart
from hone.report.pictures.course import learning_curves, timeline
from hone.report.pictures.parameters import contour, importances, parallel, slices
from hone.report.pictures.progress import front, history
from hone.report.view import StudyView

Picture = Callable[[StudyView], Chart | None]

# In the order in which they are read.
PICTURES: dict[str, Picture] = {
    "history": history,
    "front": front,
    "importances": importances,
    "slices": slices,
    "contour": contour,
    "parallel": parallel,
    "learning-curves": learning_curves,
    "timeline": timeline,
}

__all__ = ["PICTURES", "Picture"]
