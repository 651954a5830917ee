"""Port 4028 of Antminers, of Vnish and of generic CGMiner and sgminer."""
