"""The border to the programs: what a wrapper may do around a resolved call."""
