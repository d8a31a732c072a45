"""What environment, code and data a run had: enough, with its config, to run it again.

Floor 1. ``code``, ``packages`` and ``machine`` look once for each sweep; ``digests`` hashes what is read.
"""

from hone.provenance.record import Provenance, environment

__all__ = ["Provenance", "environment"]
