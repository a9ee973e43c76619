"""What the other packages agree on: events, the log, read-model tables, settings and errors.

Importing anything here does no I/O.
"""
