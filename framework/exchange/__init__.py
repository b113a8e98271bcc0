"""Exchange: runs written down for others, and taken in from other registries.

``prov`` and ``rocrate`` tell of a run in the forms that the world knows; ``bundle`` is skyfw's own, from which another
registry takes the run in.
"""
