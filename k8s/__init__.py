"""Manifests, submitting and watching: all that knows Kubernetes."""
