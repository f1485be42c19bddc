"""All interleavings of small scopes, explored with the real code of chalicelib.

`python -m tests.proofs.explorer` runs them all.
"""
