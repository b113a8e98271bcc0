"""Environments and containers that programs run in."""
