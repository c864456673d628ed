"""Subjects, each in a process of its own; see `harness.Worker`."""
