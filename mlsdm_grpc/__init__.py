"""A typed gRPC service that gives LLM applications a governed cognitive memory."""

__all__ = ["__version__"]

__version__ = "0.1.0"
