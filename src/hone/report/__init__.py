"""What a study found, as a table, a note and a config.

Floor 6.
"""

from hone.report.leaderboard import Leaderboard, Row, clock, short

__all__ = ["Leaderboard", "Row", "clock", "short"]
