"""``hone loop``: rounds of a sweep, each searching what the one before has shown to be worth it.

Floor 6. ``evidence`` says what a study came to, ``feedback`` decides what follows, ``confirm`` makes sure of the best,
``rounds`` goes round and round, ``report`` says what was learnt.
"""
