"""What goes on: totals, logs, the state of every part."""
