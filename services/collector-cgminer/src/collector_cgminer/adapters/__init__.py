"""One outside thing each: miners' sockets, the inventory."""
