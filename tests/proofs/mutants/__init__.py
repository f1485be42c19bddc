"""The ways in which the design is broken on purpose, and the run that shows each is noticed."""
