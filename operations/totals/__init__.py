"""Whether the totals are exact, and how they become so again."""
