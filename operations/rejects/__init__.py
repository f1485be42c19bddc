"""What was rejected, and how it goes in again."""
