"""Whatsminer's API: versions 1 and 2 on port 4028, version 3 on port 4433."""
