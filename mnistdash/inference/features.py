"""Makes the last features of an exported network readable: what its last layer decides by."""

from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

IDENTIFIER = b"TFL3"  # of a .tflite file
ANSWERS = (10, 11)  # logits of a last layer: ten digits, or these and "not a digit"


def tapped(path: Path) -> tuple[bytes, list[int]]:
    """A .tflite file whose graph also gives what goes into its last dense layers, one for each network in it.

    Args:
        path: of a .tflite file as `fitting.finishing.export` writes it.

    Returns:
        The file's new content, and the tensors' indices. The file itself stays as it is.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(path.read_bytes(), 0))
    graph = model.subgraphs[0]
    features = [int(layer.inputs[0]) for layer in graph.operators if _is_last_layer(model, layer)]
    graph.outputs = np.append(np.asarray(graph.outputs, np.int32), np.asarray(features, np.int32))
    builder = flatbuffers.Builder(path.stat().st_size)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output()), features


def _is_last_layer(model: schema.ModelT, layer: schema.OperatorT) -> bool:
    code = model.operatorCodes[layer.opcodeIndex]
    shape = model.subgraphs[0].tensors[layer.outputs[0]].shape
    # Files older than the field `builtinCode` use the other one.
    kind = max(code.builtinCode, code.deprecatedBuiltinCode)
    return kind == schema.BuiltinOperator.FULLY_CONNECTED and shape[-1] in ANSWERS
