"""The stages, one module each; the runner imports one at a time."""
