"""The networks: the only place, with ``models.training``, where keras and tensorflow are imported."""
