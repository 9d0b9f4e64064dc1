"""GPTQ in torch as the paper has it, on two threads: the peer of bench/ptq/reference.ts.

Usage: gptq.py FOLDER, which holds values.f32 [rows, columns], gram.f32 [columns, columns], damped, and scales.f32 and zeros.f32 [rows, blocks].
Reads lines of BITS ROWS COLUMNS BLOCK; answers each with one of JSON: seconds, and the loss tr(D G D') of the rounded values.

Frantar et al. 2023, https://arxiv.org/abs/2210.17323, algorithm 1: batches of 128 columns, in the order of the diagonal, largest first. Scales are known
before, so both sides round to the same grid.
"""

import json
import pathlib
import sys
import time

import numpy as np
import torch

torch.set_num_threads(2)
FOLDER = pathlib.Path(sys.argv[1])
BATCH = 128


def read(name, *shape):
    return torch.from_numpy(np.fromfile(FOLDER / name, np.float32).reshape(shape))


def gptq(values, gram, scales, zeros, block, most):
    columns = gram.shape[0]
    order = torch.argsort(torch.diag(gram), descending=True)
    w = values[:, order].clone()
    step, zero = (t.repeat_interleave(block, 1)[:, :columns][:, order] for t in (scales, zeros))
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram[order][:, order]))
    factor = torch.linalg.cholesky(inverse, upper=True)
    rounded = torch.zeros_like(w)
    for start in range(0, columns, BATCH):
        end = min(start + BATCH, columns)
        part, errors = w[:, start:end].clone(), torch.zeros(w.shape[0], end - start)
        own = factor[start:end, start:end]
        for i in range(end - start):
            column, s, z = part[:, i], step[:, start + i], zero[:, start + i]
            q = (torch.clamp(torch.round(column / s) + z, 0, most) - z) * s
            rounded[:, start + i] = q
            error = (column - q) / own[i, i]
            part[:, i:] -= error.unsqueeze(1) * own[i, i:].unsqueeze(0)
            errors[:, i] = error
        w[:, end:] -= errors @ factor[start:end, end:]
    return rounded[:, torch.argsort(order)]


print(json.dumps({"versions": {"python": sys.version.split()[0], "torch": torch.__version__}, "missing": {}, "cases": []}), flush=True)
for line in sys.stdin:
    bits, rows, columns, block = map(int, line.split())
    blocks = -(-columns // block)
    values, gram = read("values.f32", rows, columns), read("gram.f32", columns, columns)
    scales, zeros = read("scales.f32", rows, blocks), read("zeros.f32", rows, blocks)
    started = time.perf_counter()
    rounded = gptq(values, gram, scales, zeros, block, 2**bits - 1)
    seconds = time.perf_counter() - started
    lost = (values - rounded).double()
    print(json.dumps({"seconds": seconds, "loss": float(((lost @ gram.double()) * lost).sum())}), flush=True)
