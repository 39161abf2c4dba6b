"""How everything looks: tokens (colors, sizes), the style sheet made from them, the icons."""
