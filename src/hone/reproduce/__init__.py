"""``hone reproduce``: a run again, from what the store keeps of it, and a verdict.

Floor 6. ``again`` runs one, ``study`` a study's trials in their order; ``drift`` says what is not as it was,
``verdict`` what came of it; ``worktree`` and ``venvs`` bring back the recorded code and packages.
"""
