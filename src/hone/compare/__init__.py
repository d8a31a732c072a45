"""``hone compare``: runs side by side, with only what differs between them.

Floor 6. ``differences`` finds it, ``terminal`` and ``page`` show it, ``curves`` draws how their metrics went.
"""
