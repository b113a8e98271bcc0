"""Output for people: tables, progress, pictures and texts that are safe to print."""
