"""How good are these probabilities, measured against labels? Needs scikit-learn (the extra ``train``), never keras."""
