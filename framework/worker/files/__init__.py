"""Files on the worker: copied, downloaded, compressed, checked, and their FITS headers."""
