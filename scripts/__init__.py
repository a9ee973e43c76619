"""The operators' commands and the bootstrap scripts."""
