"""Finds miners, and finds out what they are."""
