"""What every collector is made of, on top of ``scheduling`` and ``outlet``.

``collector`` puts it together; ``shard`` says which targets are ours.

For miners, ``polling`` puts the whole together out of families (``family``: what is asked, and
how). ``fleet`` keeps what is known of whom, ``owners`` says whose a miner is, ``poller`` makes one
poll of one miner by its ``plan``, ``polls`` the event of it; ``scouting`` finds out who is unknown.
"""
