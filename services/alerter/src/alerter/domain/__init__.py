"""What is an alert, from when to when: pure."""
