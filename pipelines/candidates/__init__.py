"""Candidates: a night's light curve is searched for flares, each of which is measured, and the good ones are listed."""
