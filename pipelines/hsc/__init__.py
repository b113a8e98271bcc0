"""HSC images of many visits to coadds and forced photometry, patch by patch: the steps, and a sky to try them on."""
