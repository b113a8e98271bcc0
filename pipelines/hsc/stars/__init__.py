"""StarMeasurements in an image: profile, fit, detection, photometry, and the match with the reference catalogue."""
