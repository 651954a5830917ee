"""Who is told: a web hook and a mail server that keep what comes and count what comes twice."""
