"""The journal: facts about a run, appended by the process that saw them."""
