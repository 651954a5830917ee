"""What edge sites upload: whose key it is, how often it may come, whom its items are about."""
