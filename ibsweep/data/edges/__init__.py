"""The synthetic images of edges."""
