"""A pipeline as its author writes it: its keys, definitions and the problems found in it."""
