"""Web pages of stock Antminers, of Elphapex, and those that the project's documents imagined."""
