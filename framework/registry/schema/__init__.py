"""Schema of the registry: tables, column types and the SQL of metadata."""
