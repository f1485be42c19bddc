"""The book: pages, pictures, and what writes and captures them."""
