"""Networks with their training settings, by name."""

from dataclasses import dataclass

OPTIMIZERS = ("sgd", "nesterov", "adam", "adamw", "adadelta")


@dataclass(frozen=True)
class Published:
    """What a recipe's author reports on the MNIST test set.

    Attributes:
        accuracy: share read right, in [0, 1]; the low end where a range is given.
        accuracy_high: the high end of a range, else None.
        loss: mean cross-entropy in nats, or None where it is not given.
    """

    accuracy: float
    accuracy_high: float | None = None
    loss: float | None = None

    def __str__(self) -> str:
        text = f"{self.accuracy:.2%}"
        if self.accuracy_high is not None:
            text = f"{100 * self.accuracy:.2f} to {self.accuracy_high:.2%}"
        return text if self.loss is None else f"{text}, loss {self.loss:.4f}"


@dataclass(frozen=True)
class Recipe:
    """A network and the settings that train it.

    Attributes:
        name: how the command line and the pages call it.
        summary: one sentence for someone choosing.
        network: key into `networks.NETWORKS`.
        optimizer: one of OPTIMIZERS; "nesterov" is SGD with Nesterov's momentum of 0.9.
        learning_rate: its peak where the schedule is not constant.
        batch_size: images per step.
        epochs: passes over the training images; None where `steps` is given.
        steps: optimizer steps; None where `epochs` is given.
        schedule: one of `schedules.SCHEDULES`.
        loss: "cross_entropy" (stable, batch mean), "naive_cross_entropy" (unclipped, batch sum), or
            "members_cross_entropy" (of a network with members, each for itself).
        dropout: share of the activations before the last layer that are set to 0 at each step; None where the
            network has no dropout.
        augmentation: whether training images are moved, turned, scaled and sheared at random.
        refuses: whether it learns to tell what is not a digit, and its confidence is calibrated.
        quantised: whether its .tflite file keeps weights in 8 bits, and computes with 8 bits where it can, which is
            faster.
        images_at_once: about as many are trained on between two looks at how it goes; a step at least.
        trains_on_validation: whether the 5,000 validation images are trained on too.
        temperature: that the confidence of a network that refuses is calibrated with where validation images are
            trained on, so that none are left to fit it to; as it was fitted when they were not.
        measured: test accuracy in [0, 1] of a run with these settings and seed 0 (benchmarks/recipes.py).
        published: the author's figure, or None.
    """

    name: str
    summary: str
    network: str
    optimizer: str
    learning_rate: float
    batch_size: int
    measured: float
    epochs: int | None = None
    steps: int | None = None
    schedule: str = "constant"
    loss: str = "cross_entropy"
    dropout: float | None = None
    augmentation: bool = False
    refuses: bool = False
    quantised: bool = False
    images_at_once: int = 1_280
    trains_on_validation: bool = False
    temperature: float = 1.0
    published: Published | None = None

    @property
    def reaches(self) -> str:
        """A sentence on the test accuracy to expect."""
        published = (
            f"Published test accuracy: {self.published}; measured" if self.published else "Measured test accuracy"
        )
        return f"{published}: {self.measured:.2%}."


_ALL = (
    Recipe(
        name="express",
        summary="Our quickest: a small network, one pass over the digits, a learning rate that rises high and falls.",
        network="express",
        optimizer="nesterov",
        learning_rate=0.2,
        batch_size=100,
        measured=0.9915,
        epochs=1,
        schedule="one-cycle",
    ),
    Recipe(
        name="flagship",
        summary="Our own: one network for drawings, two for MNIST's own digits, and a gate. It knows what is no digit.",
        network="flagship",
        optimizer="adamw",
        learning_rate=2e-3,
        batch_size=128,
        measured=0.9972,
        epochs=32,
        schedule="cosine",
        loss="members_cross_entropy",
        augmentation=True,
        refuses=True,
        quantised=True,
        images_at_once=128,  # each of its steps takes long enough
        temperature=1.18,
        dropout=0.3,
    ),
    Recipe(
        name="keras-cnn",
        summary="The classic Keras example: two 3×3 convolutions, one pooling, trained on all 60,000 digits.",
        network="keras-cnn",
        optimizer="adadelta",
        learning_rate=1.0,  # what Adadelta() meant in 2018; Keras 3 defaults to 0.001
        batch_size=128,
        measured=0.9916,
        epochs=12,
        trains_on_validation=True,
        published=Published(0.9919, loss=0.0265),
        dropout=0.5,
    ),
    Recipe(
        name="tutorial-cnn",
        summary="The TensorFlow layers tutorial: two 5×5 convolutions and a wide dense layer, with very slow SGD.",
        network="tutorial-cnn",
        optimizer="sgd",
        learning_rate=0.001,
        batch_size=100,
        measured=0.9701,
        steps=20_000,
        published=Published(0.9688, loss=0.1044),
        dropout=0.4,
    ),
    Recipe(
        name="dropout-cnn",
        summary="The same layers with every weight and bias drawn from N(0, 1): watch how far off the loss starts.",
        network="dropout-cnn",
        optimizer="adam",
        learning_rate=0.001,
        batch_size=128,
        measured=0.9818,
        epochs=10,
        dropout=0.2,
    ),
    Recipe(
        name="softmax",
        summary="Softmax regression, the first tutorial of all: one weight per pixel and digit, no hidden layer.",
        network="softmax",
        optimizer="sgd",
        learning_rate=0.5,
        batch_size=100,
        measured=0.9189,
        steps=1_000,
        published=Published(0.9188, accuracy_high=0.9194),
    ),
    Recipe(
        name="softmax-naive",
        summary="As first written: random start, summed loss, unclipped logarithm. A learning rate of 0.05 breaks it.",
        network="softmax-normal",
        optimizer="sgd",
        learning_rate=0.01,
        batch_size=100,
        measured=0.8922,
        steps=1_000,
        loss="naive_cross_entropy",
    ),
)

RECIPES = {recipe.name: recipe for recipe in _ALL}
