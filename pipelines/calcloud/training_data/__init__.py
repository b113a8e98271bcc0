"""The training set: checked and flagged jobs, their split into train and test, and the nine features."""
