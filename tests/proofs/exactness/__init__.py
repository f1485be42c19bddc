"""Side by side: what the same histories and faults make of the totals, here and with the rivals."""
