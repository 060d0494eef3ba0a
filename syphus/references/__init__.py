"""How text points at things, and how boxes are written."""
