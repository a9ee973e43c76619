"""The log: an append-only table of events, and the stream of each chain.

`streams` names the streams, `chain` holds the facts of a chain's own stream and their aggregate,
`store` appends and reads, `install` makes the tables, roles and typed views.
"""
