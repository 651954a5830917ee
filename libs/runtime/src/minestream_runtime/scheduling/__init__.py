"""Who is due, and how many at once.

``pace`` says how often, ``schedule`` and ``scheduler`` who, ``site_gate`` how evenly, ``lanes`` how
many side by side, ``line`` who of those that wait is next. All but ``lanes`` is pure: time is
passed in, nothing knows what a poll is.
"""
