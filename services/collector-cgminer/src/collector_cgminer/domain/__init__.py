"""What each family of TCP miners is asked, and what its answers say of themselves; pure."""
