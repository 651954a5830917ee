"""Miners: the list, one of them, its boards and chips."""
