"""Emulated miners over real HTTP, with physics, a seed and scripted faults; for tests and demos."""
