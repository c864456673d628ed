"""Commands, their flags and how they are run."""
