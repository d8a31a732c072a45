"""``hone sweep``: a sweep file in, a study with its runs out.

Floor 6. ``file`` reads, ``plan`` checks, ``controller`` runs, ``books`` tracks, ``display`` shows.
"""
