"""The paths that the portfolio already calls, with the names that it knows.

Beyond their names they differ from `/v1` in that pages have offsets, and list nothing beside.
"""
