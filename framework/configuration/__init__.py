"""Configuration of an installation: its home directory and its site file."""
