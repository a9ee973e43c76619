"""`daybook explain`: the events behind a row of a read model."""
