"""One series of a miner, its pool and the market."""
