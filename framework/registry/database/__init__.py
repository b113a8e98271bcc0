"""Database of the registry: connections, bulk inserts, ids and upgrades."""
