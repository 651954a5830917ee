"""Keeps raw topics for ever, as Parquet; replays them."""
