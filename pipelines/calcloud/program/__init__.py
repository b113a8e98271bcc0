"""Parts that every program uses: arguments and exit status, errors, remote files, archives of arrays."""
