"""Where `Biaffine` was before."""
