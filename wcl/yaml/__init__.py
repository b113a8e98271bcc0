"""YAML: reads and writes the trees of WCL as YAML text."""
