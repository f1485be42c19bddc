"""Which stage: its configuration, names, clients, stacks and mappings."""
