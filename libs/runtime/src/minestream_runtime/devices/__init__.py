"""How devices are reached and asked: addresses, few connections each, HTTP, and CGMiner's TCP."""
