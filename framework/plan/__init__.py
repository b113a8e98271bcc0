"""Sections and answers in, a plan out: everything that will run, decided and checked before anything does."""
