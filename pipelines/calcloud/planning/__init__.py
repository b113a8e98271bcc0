"""Plans of jobs: the machine of least expected cost, limits of time, and the choice of the model that plans."""
