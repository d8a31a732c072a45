"""MLflow: the store, the life of a run, and the spool that metrics go to first.

Floor 3. MLflow lives here alone; ``spool`` imports none of it, since workers write and do not deliver.
"""
