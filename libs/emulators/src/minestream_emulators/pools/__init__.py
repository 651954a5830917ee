"""Pools that are asked over HTTP: Ocean, Braiins, LitecoinPool, F2Pool, ViaBTC."""
