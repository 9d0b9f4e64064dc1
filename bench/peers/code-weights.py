"""Codes float matrices with nncodec at the quantizers whose errors enclose those asked for. Prints [[decibels, bytes], ...] as JSON."""
import contextlib
import io
import json
import os
import sys
import tempfile

import numpy
from nncodec import nnc

path, about = sys.argv[1:]
shapes, wanted, size, most = json.loads(about)
values = numpy.fromfile(path, numpy.float32)
tensors, at = {}, 0
for i, (rows, columns) in enumerate(shapes):
    tensors[f'layer{i}.weight'] = values[at:at + rows * columns].reshape(rows, columns)
    at += rows * columns
squares = float((values.astype(numpy.float64) ** 2).sum())


def measure(quantizer):
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        given = {name: tensor.copy() for name, tensor in tensors.items()}
        coded = nnc.compress(given, bitstream_path=os.path.join(folder, 'out.nnc'), qp=quantizer, use_dq=True, param_opt=True, return_bitstream=True)
        back = nnc.decompress(coded)
    noise = sum(float(((tensor.astype(numpy.float64) - numpy.asarray(back[name]).reshape(tensor.shape)) ** 2).sum()) for name, tensor in tensors.items())
    return [10 * float(numpy.log10(squares / noise)), len(coded)]


known = {}
for decibels in wanted:
    # a quantizer more is 1.5 dB less; four make an octave of the step
    guess = int(round(4 * numpy.log2(size * 10 ** (-decibels / 20) * 3.5)))
    for _ in range(most):
        if guess not in known:
            known[guess] = measure(guess)
        if guess + 1 not in known:
            known[guess + 1] = measure(guess + 1)
        if known[guess][0] < decibels:
            guess -= max(1, int((decibels - known[guess][0]) / 1.6))
        elif known[guess + 1][0] > decibels:
            guess += max(1, int((known[guess + 1][0] - decibels) / 1.6))
        else:
            break
print(json.dumps(sorted(known.values())))
