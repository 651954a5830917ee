"""Asks markets and networks and publishes what they say, verbatim."""
