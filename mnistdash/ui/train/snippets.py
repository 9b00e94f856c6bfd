"""Python snippets that predict digits with a downloaded model, one for each format."""

KERAS = """\
import keras
import numpy as np
model = keras.saving.load_model("{name}.keras")
images = np.zeros((1, 28, 28), np.float32)  # 0 = background, 1 = ink
print(model.predict(images).argmax(1))
"""

TFLITE = """\
import numpy as np
from ai_edge_litert.interpreter import Interpreter
model = Interpreter("{name}.tflite").get_signature_runner()
images = np.zeros((1, 28, 28), np.float32)  # 0 = background, 1 = ink
print(model(images=images)["probabilities"].argmax(1))
"""

SAVED_MODEL = """\
import numpy as np
import tensorflow as tf
model = tf.saved_model.load("{name}")  # the unzipped folder
images = np.zeros((1, 28, 28), np.float32)  # 0 = background, 1 = ink
print(model.serve(images)["probabilities"].numpy().argmax(1))
"""
