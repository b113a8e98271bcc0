"""Tables of stars: their columns and files, and the functions that fill them from images."""
