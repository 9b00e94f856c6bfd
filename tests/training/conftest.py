from collections.abc import Callable
from functools import cache

import keras
import pytest

from mnistdash.runs.recipes import RECIPES
from mnistdash.training import networks


@pytest.fixture(scope="session")
def built() -> Callable[..., keras.Model]:
    """Build each network once: built("flagship", "bfloat16"). Tests restore the weights that they change."""
    return cache(lambda recipe, precision="float32": networks.build(RECIPES[recipe], precision))
