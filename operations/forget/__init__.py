"""A player erased on request, and what proves it."""
