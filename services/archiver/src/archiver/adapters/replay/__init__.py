"""Telemetry built anew from the lake, and compared with the database."""
