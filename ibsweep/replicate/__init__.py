"""The notebook's own settings again: seed 10 draw for draw, and many other seeds as lanes."""
