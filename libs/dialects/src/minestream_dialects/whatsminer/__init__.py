"""Whatsminer: API 1 and 2 on port 4028, API 3 on port 4433."""
