"""Brings a stage up and down."""
