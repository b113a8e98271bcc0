"""The registry: an SQL database of every file, execution and message of every run.

``schema`` defines its tables and ``database`` opens it. ``ingest`` writes the facts of a run's journals into it,
``questions`` reads from it, and ``admin`` checks, copies, describes and compares registries.
"""
