"""Claims of a text held against the annotations of its scene: things, counts, colours, places, times, writing, yes and no."""
