import re
from dataclasses import replace

import pytest
from page_text import text

from mnistdash.runs.config import configure
from mnistdash.runs.recipes import RECIPES
from mnistdash.runs.throughput import REFERENCE_SPEEDS, ThroughputCache
from mnistdash.ui import resources


@pytest.mark.slow
def test_training_time_is_for_a_2_core_machine_until_a_run_has_finished(page, with_sample, offline):
    test = page("train")
    test.selectbox(key="recipe").set_value("keras-cnn").run()
    # 12 epochs of 1,497 images and 200 validation images; a validation image takes a third of the time.
    seconds = round(12 * (1_497 + 200 / 3) / REFERENCE_SPEEDS["keras-cnn"])
    assert f"About {seconds} s on a 2-core machine." in text(test)

    throughput = ThroughputCache(resources.settings().cache)
    config = replace(configure(RECIPES["keras-cnn"], resources.settings().models), precision="bfloat16")
    throughput.record_speed(config, [{"event": "batch", "images_per_second": speed} for speed in (10.0, 1_876.0)])
    assert "2-core" in text(test.run()), "auto has not chosen a precision yet"
    throughput.record_precision(config, "bfloat16")
    assert "About 10 s, based on earlier runs on this machine: 1,900 images/s." in text(test.run())
    test.selectbox(key="precision-keras-cnn").set_value("float32").run()
    assert "2-core" in text(test)
    assert not test.exception


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_an_estimate(page, with_sample, offline, name):
    test = page("train")
    test.selectbox(key="recipe").set_value(name).run()
    assert re.search(r"About \d+ (s|min) on a 2-core machine\.", text(test))


@pytest.mark.slow
def test_the_runs_of_a_sweep_are_added_up(page, with_sample, offline):
    test = page("train")
    test.selectbox(key="recipe").set_value("tutorial-cnn").run()
    (alone,) = re.findall(r"About (\d+) min", text(test))
    test.selectbox(key="sweep-tutorial-cnn").set_value("Learning rate").run()
    values = test.text_input(key="values-Learning rate")
    values.set_value("0.001, 0.002").run()
    (both,) = re.findall(r"About (\d+) min", text(test))
    assert int(both) == pytest.approx(2 * int(alone), abs=1)
