"""Polls Vnish and other HTTP miners, and publishes what they say, verbatim."""
