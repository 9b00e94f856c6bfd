import keras
import numpy as np
import pytest

from mnistdash.training.losses import mixture_cross_entropy, naive_cross_entropy


def test_naive_loss_is_summed_over_the_batch():
    logits = np.array([[2.0, 0.0] + [-5.0] * 8, [0.0] * 10], np.float32)
    labels = np.array([0, 3], np.uint8)
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = -np.log(probabilities[[0, 1], labels]).sum()
    assert float(naive_cross_entropy(labels, logits)) == pytest.approx(expected, rel=1e-5)


def test_mixture_loss_is_the_mean_of_the_experts_losses():
    """The loss of an expert does not depend on the others."""
    random = np.random.default_rng(0)
    experts = random.normal(size=(3, 5, 11)).astype(np.float32)
    labels = np.array([0, 3, 10, 3, 9], np.uint8)
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    separate = np.mean([float(cross_entropy(labels, logits)) for logits in experts])
    mean_logits = np.mean([keras.ops.convert_to_numpy(keras.ops.log_softmax(logits)) for logits in experts], axis=0)
    assert float(keras.ops.mean(mixture_cross_entropy(labels, mean_logits))) == pytest.approx(separate, rel=1e-5)
    assert float(cross_entropy(labels, mean_logits)) < separate
