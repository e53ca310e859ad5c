"""samenet: one network, every framework, on equal terms."""

__version__ = "0.1.0"
