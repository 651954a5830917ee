"""What every collector is made of: due times, lanes, a shard of the targets, a way out.

``collector`` puts it together. ``scheduler`` says who is due, ``lanes`` how many at once, ``shard``
who is ours; ``outlet`` sends what came of it, in order; ``spool`` keeps it while nobody takes it.

For miners, ``polling`` puts the whole together out of families (``family``: what is asked, and
how). ``fleet`` keeps what is known of whom, ``owners`` says whose a miner is, ``poller`` makes one
poll of one miner by its ``plan``, ``polls`` the event of it; ``scouting`` finds out who is unknown.
"""
