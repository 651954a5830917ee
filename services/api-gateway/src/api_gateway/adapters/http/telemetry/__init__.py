"""What a miner said over time."""
