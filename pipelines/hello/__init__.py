"""The smallest family: greetings, written one by one, made loud, and gathered."""
