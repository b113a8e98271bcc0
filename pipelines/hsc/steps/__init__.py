"""The programs' common part: the command line of a step, and a step as a function in one process."""
