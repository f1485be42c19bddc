"""What people type: one file a verb, with its options and what it prints."""
