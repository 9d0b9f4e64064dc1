"""Multiply-accumulates and parameters of ONNX models, counted by onnx-tool and onnx: an independent count for tersor's.

Reads [{"path", "shapes": {input: sizes}}, ...] from the standard input, prints [{"macs", "parameters"}, ...]. onnx-tool counts biases as
multiply-accumulates of their operator and so is one per output element higher where there is one; that is taken off here. It counts
ConvTranspose like Conv, as many products for each output element as the window has; but those are for each input element, so they are counted
here from the shapes.
"""

import contextlib
import io
import json
import sys

import numpy
import onnx
import onnx_tool

PRODUCTS = {'Conv', 'ConvTranspose', 'MatMul', 'Gemm'}
FLOATS = {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE}


def tensors(graph):
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if node.op_type == 'Constant' and attribute.name == 'value':
                yield attribute.t
            if attribute.HasField('g'):
                yield from tensors(attribute.g)


def count(path, shapes):
    proto = onnx.load(path)
    types = {value.name: value.type.tensor_type.elem_type for value in proto.graph.input}
    feeds = {
        name: numpy.ones(sizes, onnx.helper.tensor_dtype_to_np_dtype(types[name])) for name, sizes in shapes.items()
    }
    model = onnx_tool.Model(path, {'constant_folding': False, 'verbose': False})
    graph = model.graph
    graph.shape_infer(feeds)
    graph.profile()
    macs = 0
    for node in graph.nodemap.values():
        if node.op_type not in PRODUCTS:
            continue
        outputs = int(numpy.prod(graph.tensormap[node.output[0]].get_shape()))
        if node.op_type == 'ConvTranspose':
            inputs, weight = (graph.tensormap[name].get_shape() for name in node.input[:2])
            macs += int(numpy.prod(inputs)) * int(numpy.prod(weight[1:]))
        else:
            macs += int(node.macs[0]) - (outputs if len(node.input) > 2 else 0)
    parameters = sum(int(numpy.prod(tensor.dims)) for tensor in tensors(proto.graph) if tensor.data_type in FLOATS)
    return {'macs': macs, 'parameters': parameters}


with contextlib.redirect_stdout(io.StringIO()):
    results = [count(**model) for model in json.load(sys.stdin)]
print(json.dumps(results))
