"""The tabular model: boosted trees, history of programs, conformal quantiles and exceedance probabilities."""
