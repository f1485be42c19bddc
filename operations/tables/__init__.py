"""Whole tables and their streams."""
