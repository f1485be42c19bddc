"""The verbs, each a thin shell over a function."""
