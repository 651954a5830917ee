"""Feeds feature rows to Abacus.AI."""
