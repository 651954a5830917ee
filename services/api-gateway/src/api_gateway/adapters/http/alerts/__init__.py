"""Alerts: those that fire, and those that are over."""
