"""The commands, their flags, and how they are run."""
