"""Options, output and views that verbs share; only these two know click and rich."""
