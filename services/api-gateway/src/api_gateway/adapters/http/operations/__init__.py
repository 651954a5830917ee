"""For whoever watches the gateway: alive, ready, measured."""
