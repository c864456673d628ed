"""CNN head: convolutions over the map of pairs."""
