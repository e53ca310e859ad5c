"""How well and how fast each learns."""
