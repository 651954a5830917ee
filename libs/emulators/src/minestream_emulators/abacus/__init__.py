"""An emulated Abacus.AI: the wire form of the SDK's own source, for what a feature sink calls."""
