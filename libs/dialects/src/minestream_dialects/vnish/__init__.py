"""Vnish (AnthillOS, xminer-api) over HTTP: one module per firmware generation, readers shared."""
