"""How each ecosystem says what was taken and what was not, so that its clients send again what they should."""
