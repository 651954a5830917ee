"""The pool Prohashing: a WAMP feed with snapshots, an HTTP API, and the open proxy before it."""
