"""A small DynamoDB for measuring: exact answers at next to no cost, so the client's cost shows.

It knows the operations that the contenders send, checks conditions, applies updates and counts
capacity by item size as DynamoDB documents it. A test compares its answers with the embedded AWS.
"""
