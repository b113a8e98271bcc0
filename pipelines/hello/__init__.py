"""The programs of the smallest pipeline: greetings are written one by one, put in capitals, and gathered."""
