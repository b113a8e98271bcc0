"""Export of runs, and import of runs from other registries.

``prov`` and ``rocrate`` write standard forms; ``bundle`` is skyfw's own, from which another registry imports runs.
"""
