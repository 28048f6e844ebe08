"""What is a prediction, and which network makes it?

Numpy and Pillow live here; keras and tensorflow only inside ``models.networks`` and ``models.training``,
scikit-learn only inside ``models.training`` and ``models.evaluation``.
"""
