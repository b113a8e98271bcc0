"""Archives: where files are kept, and what is done with files in them."""
