"""GlobalPointer heads: products of a start and an end vector per label."""
