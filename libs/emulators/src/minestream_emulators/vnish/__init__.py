"""Vnish firmware (AnthillOS), versions 1.2 and 1.3: bodies, routes and access, without a socket."""
