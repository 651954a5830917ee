"""What every collector is made of: due times, lanes, a shard of the targets, a way out.

``collector`` puts it together. ``scheduler`` says who is due, ``lanes`` how many at once, ``shard``
who is ours; ``outlet`` sends what came of it, in order; ``spool`` keeps it while nobody takes it.
"""
