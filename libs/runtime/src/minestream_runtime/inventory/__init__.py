"""A fleet as a file: read with every fault named, written so that it can be read again."""
