"""HTCondor engine: a run as one DAG, which the pool's DAGMan carries out by itself."""
