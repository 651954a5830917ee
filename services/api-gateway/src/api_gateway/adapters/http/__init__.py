"""REST: a folder for each noun, and what all of them share."""
