"""Read models to JSON, and the portfolio page."""
