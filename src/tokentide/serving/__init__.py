"""The HTTP service as a whole: the read API, the gateway, and what a process says of itself, in one application."""
