"""The tables of the registry, by what they are about."""
