"""The benchmark's machinery. `main` is the outline."""
