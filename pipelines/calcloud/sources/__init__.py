"""Finished jobs from tables, DynamoDB, FITS headers, the registry or a simulation, as rows of one schema."""
