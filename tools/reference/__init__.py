"""Pages of docs/reference, made from the code.

Each module of this package makes one page: ``title``, and ``lines`` with what follows the title.
"""
