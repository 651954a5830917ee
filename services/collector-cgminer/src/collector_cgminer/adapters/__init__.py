"""One outside thing each: miners, and the kit that polls them."""
