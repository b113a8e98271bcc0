"""Verbs: one file each, found by its name.

A verb imports what it works with when it runs, so that its help and the shell's completion stay fast.
"""
