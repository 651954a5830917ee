"""Which rows go together and what is to be done with a refusal: pure."""
