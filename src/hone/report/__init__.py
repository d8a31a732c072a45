"""What a study found: a table, a description, pictures, which a process of its own draws.

Floor 6.
"""

from hone.report.artist import Artist, Done, DrawRun, DrawStudy
from hone.report.description import Goal, describe_study
from hone.report.leaderboard import Leaderboard, Row, clock, short

__all__ = ["Artist", "Done", "DrawRun", "DrawStudy", "Goal", "Leaderboard", "Row", "clock", "describe_study", "short"]
