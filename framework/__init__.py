"""From a pipeline to a recorded run."""
