"""Judges readings by rules, and tells people; owns the alerting schema."""
