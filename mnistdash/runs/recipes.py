"""Recipes: networks with the settings that train them."""

from dataclasses import dataclass

OPTIMIZERS = ("sgd", "nesterov", "adam", "adamw", "adadelta")


@dataclass(frozen=True)
class Published:
    """Results that a recipe's author reports for the MNIST test set.

    Attributes:
        accuracy: in [0, 1]; the low end of a range.
        text: accuracy or range in percent, with the mean cross-entropy in nats if it is reported.
    """

    accuracy: float
    text: str


@dataclass(frozen=True)
class Recipe:
    """A network and the settings that train it.

    Attributes:
        name: on the command line and the pages; key into `networks.NETWORKS`.
        summary: one sentence that helps to choose.
        optimizer: one of OPTIMIZERS; "nesterov" is SGD with a Nesterov momentum of 0.9.
        learning_rate: peak of the schedule.
        batch_size: images per step.
        epochs: passes over the training images; None if `steps` is given.
        steps: optimizer steps; None if `epochs` is given.
        schedule: one of `schedules.SCHEDULES`.
        loss: "cross_entropy" (stable, batch mean), "naive_cross_entropy" (unclipped, batch sum), or
            "mixture_cross_entropy" (of a mixture, separately for each network in it).
        dropout: share of the activations before the last layer that are set to 0 at each step; None for a network
            without dropout.
        augmentation: shift, rotate, scale and shear training images at random.
        rejects_non_digits: also learn to reject non-digits, and calibrate the confidence.
        quantized: store weights in the .tflite file as 8-bit integers and compute with them, which is faster.
        images_per_execution: approximate number of images between two progress reports; at least a step.
        trains_on_validation: also train on the 5,000 validation images.
        temperature: calibrates the confidence if validation images are trained on, so none are left to fit it to;
            fitted in a run that did not train on them.
        measured: test accuracy in [0, 1] of a run with these settings and seed 0 (benchmarks/recipes.py).
        published: the author's results, or None.
    """

    name: str
    summary: str
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
    rejects_non_digits: bool = False
    quantized: bool = False
    images_per_execution: int = 1_280
    trains_on_validation: bool = False
    temperature: float = 1.0
    published: Published | None = None

    @property
    def reaches(self) -> str:
        """Return a sentence on the test accuracy to expect."""
        published = (
            f"Published test accuracy: {self.published.text}; measured" if self.published else "Measured test accuracy"
        )
        return f"{published}: {self.measured:.2%}."


_RECIPES = (
    Recipe(
        name="express",
        summary="Our fastest: a small network, one epoch, and a learning rate that rises and falls.",
        optimizer="nesterov",
        learning_rate=0.2,
        batch_size=100,
        measured=0.9915,
        epochs=1,
        schedule="one-cycle",
    ),
    Recipe(
        name="flagship",
        summary="Our best: a network for drawings, two for MNIST digits, and a gate between them. Rejects non-digits.",
        optimizer="adamw",
        learning_rate=2e-3,
        batch_size=128,
        measured=0.9972,
        epochs=32,
        schedule="cosine",
        loss="mixture_cross_entropy",
        augmentation=True,
        rejects_non_digits=True,
        quantized=True,
        images_per_execution=128,  # each step is slow
        temperature=1.18,
        dropout=0.3,
    ),
    Recipe(
        name="keras-cnn",
        summary="The classic Keras example: two 3×3 convolutions and one pooling layer, trained on all 60,000 digits.",
        optimizer="adadelta",
        learning_rate=1.0,  # what Adadelta() meant in 2018; Keras 3 defaults to 0.001
        batch_size=128,
        measured=0.9916,
        epochs=12,
        trains_on_validation=True,
        published=Published(0.9919, "99.19%, loss 0.0265"),
        dropout=0.5,
    ),
    Recipe(
        name="tutorial-cnn",
        summary="The TensorFlow layers tutorial: two 5×5 convolutions, a wide dense layer, SGD with a low rate.",
        optimizer="sgd",
        learning_rate=0.001,
        batch_size=100,
        measured=0.9701,
        steps=20_000,
        published=Published(0.9688, "96.88%, loss 0.1044"),
        dropout=0.4,
    ),
    Recipe(
        name="dropout-cnn",
        summary="The layers of tutorial-cnn, all weights and biases drawn from N(0, 1): the loss starts very high.",
        optimizer="adam",
        learning_rate=0.001,
        batch_size=128,
        measured=0.9818,
        epochs=10,
        dropout=0.2,
    ),
    Recipe(
        name="softmax",
        summary="Softmax regression, TensorFlow's first tutorial: one weight per pixel and digit, no hidden layer.",
        optimizer="sgd",
        learning_rate=0.5,
        batch_size=100,
        measured=0.9189,
        steps=1_000,
        published=Published(0.9188, "91.88 to 91.94%"),
    ),
    Recipe(
        name="softmax-naive",
        summary="Softmax with random initial weights, summed loss, unclipped log. A learning rate of 0.05 breaks it.",
        optimizer="sgd",
        learning_rate=0.01,
        batch_size=100,
        measured=0.8922,
        steps=1_000,
        loss="naive_cross_entropy",
    ),
)

RECIPES = {recipe.name: recipe for recipe in _RECIPES}
