"""What a network is trained for: one unit by binary cross-entropy, several classes by categorical cross-entropy."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.classes import Classes
from models.networks.backend import import_keras


def loss(classes: Classes, label_smoothing: float = 0.0) -> Any:
    """Of the outputs that `models.networks.head` gives. label_smoothing: 0..1, unitless."""
    losses = import_keras().losses
    if classes.several:
        return losses.CategoricalCrossentropy(label_smoothing=label_smoothing)
    return losses.BinaryCrossentropy(label_smoothing=label_smoothing)


def auc(classes: Classes, thresholds: int = 200) -> Any:
    """ROC-AUC as seen while training: of malignant, or the mean over the classes, each against all others."""
    metrics = import_keras().metrics
    if classes.several:
        return metrics.AUC(name="auc", num_thresholds=thresholds, multi_label=True, num_labels=len(classes.names))
    return metrics.AUC(name="auc", num_thresholds=thresholds)


def accuracy(classes: Classes) -> Any:
    """Share of the images judged right: at 0.5, or by the most probable class."""
    metrics = import_keras().metrics
    return (metrics.CategoricalAccuracy if classes.several else metrics.BinaryAccuracy)(name="accuracy")


def as_frequent_as_they_are(network: Any, weights: dict[int, float]) -> None:
    """Undo balanced class weights in the probabilities, by the biases of the softmax, or of the one unit for malignant.

    Weights let the network learn w_c p(c|x), as if all classes were equally frequent: what is rare would be promised
    too often, and no temperature can mend that. Less log w_c on each logit it is p(c|x) again, at the frequencies of
    the training data (C. Elkan, The foundations of cost-sensitive learning, IJCAI 2001; A. K. Menon et al.,
    arXiv:2007.07314). One unit's logit is that of malignant less that of benign.
    """
    bias = network.layers[-1].bias
    shift = np.log([weights[number] for number in range(len(weights))])
    if bias.shape == (1,):
        shift = np.diff(shift)
    bias.assign(np.asarray(bias) - shift.astype(np.float32))
