"""Engines run what is planned: on this machine, or on a pool. The contract is in ``engine.py``."""
