"""Markets and networks on the network: CoinGecko, and three observers of chains."""
