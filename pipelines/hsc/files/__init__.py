"""FITS files: reading, writing, and the header keywords of the camera."""
