"""Gaps of miners and of collectors."""
