"""One outside thing each: miners, the inventory, the terminal."""
