"""Single layers: one kind in the smallest network that holds it, at three sizes."""
