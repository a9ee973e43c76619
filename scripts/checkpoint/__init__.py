"""Signed checkpoints: what a log held up to a block, in a file that anybody can check offline.

`keys` makes and reads Ed25519 keys, `signed` is the file, `export` makes it from a log that it
examines first, `check` compares it with a log, and `command` is what operators type.
"""
