"""Parts that every program uses: arguments and exit status, errors, files elsewhere, archives of arrays."""
