"""The verbs, each with its own view."""
