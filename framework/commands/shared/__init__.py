"""Parts that several verbs share: options, and choices of files."""
