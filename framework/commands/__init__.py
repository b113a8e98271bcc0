"""The verbs: one file each, found by its name."""
