"""Weights & Biases as tracker."""
