"""Polls CGMiner, BMMiner and Whatsminer machines over TCP; publishes what they say, verbatim."""
