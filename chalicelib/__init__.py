"""What ships to Lambda beside app.py."""
