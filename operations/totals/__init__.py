"""Whether the totals are exact, how they become so again, and how a player is forgotten."""
