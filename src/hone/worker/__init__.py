"""The program that runs a trial's directory: cold by ``python -m hone.worker DIR``, or warm in a fork.

Floor 4. Workers know nothing of Optuna or MLflow: they train, report, and obey verdicts.
"""
