"""Miners that answer as CGMiner does: stock Antminers, Vnish's port 4028, and the rest."""
