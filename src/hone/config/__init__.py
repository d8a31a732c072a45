"""Composition of configs with Hydra, and everything that reads its grammar.

Floor 1. Hydra and OmegaConf live here; the floors above see plain dicts and the records exported here.
"""
