"""Keys of a configuration: their declarations, checks of a tree by them, and their JSON Schema."""
