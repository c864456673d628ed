"""Speed, memory and accuracy, measured; see README.md of this folder."""
