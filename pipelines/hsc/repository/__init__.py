"""The repository of data: data ids, file names, and the registry of raw and calibration frames."""
