"""The simulated survey: stars, visits and detectors."""
