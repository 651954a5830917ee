"""The whole system, as its services say it is."""
