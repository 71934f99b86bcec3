"""The runs behind every table and figure: recipes of distillation, grids of them, and what is drawn of the results."""
