"""Prices, indicators and networks of coins."""
