"""How far synthetic images are from real ones."""
