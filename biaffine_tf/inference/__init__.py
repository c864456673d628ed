"""From texts to entities."""
