"""Programs on the worker: started, limited, watched and ended."""
