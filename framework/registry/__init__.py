"""The registry: every file, execution and message of every run, in SQL.

``database`` opens one, ``schema`` says what its tables are, ``attempts`` begins a run, ``ingest`` writes what its
journals tell, ``runs`` and ``files`` answer questions, ``equality`` compares two runs.
"""
