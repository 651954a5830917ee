"""Sites and their totals."""
