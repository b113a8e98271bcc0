"""Display of a plan: its graph, and the reason of each input."""
