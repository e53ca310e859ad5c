"""Each framework's own first example."""
