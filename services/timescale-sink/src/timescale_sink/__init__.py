"""Writes topics to TimescaleDB, exactly once, and keeps the telemetry schema in order."""
