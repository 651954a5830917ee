"""What the processor decides. Pure: no clock, no broker, no disk."""
