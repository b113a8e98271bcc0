"""The questions that pipelines ask the registry: one file a question."""
