"""What people run: python -m operations VERB. Never shipped to Lambda."""
