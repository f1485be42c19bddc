"""A deployed stage as it is: the only readers of its tables, streams and stacks."""
