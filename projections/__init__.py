"""Log to read models: one SQL fold a read model, and the runner that posts them."""
