"""The programs of the candidates pipeline: search a night's light curve for flares, measure each, and list them."""
