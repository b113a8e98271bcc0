"""Positions and brightness on the sky: tracts and patches, projections, the reference catalogue, magnitudes."""
