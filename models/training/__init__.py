"""Training: an honest split, a recipe, a measured manifest. Needs the ``train`` extra."""
