"""Follows pool accounts and publishes what they say, verbatim."""
