"""What edge collectors ask: uploads, in the words of the phase 2 document."""
