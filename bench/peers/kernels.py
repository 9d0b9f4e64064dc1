"""The peers of bench/kernels.ts: numpy, torch, onnxruntime's own quantizer, ggml's through libgguf, and gcc.

Reads the path of a float32 matrix, its columns and the rows of the slow cases from argv, then one case name a line from stdin; answers each
with one line of JSON: processor seconds of one run on one thread, and a hash of the output where it should equal ours.
"""

import ctypes
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np

W = np.fromfile(sys.argv[1], np.float32).reshape(-1, int(sys.argv[2]))
ROWS, COLUMNS = W.shape
#: Searches get a few rows, so that a run is short enough to fit between the interruptions of a busy machine.
FEW = W[: int(sys.argv[3])]
NORMS = np.abs(W[0]) + np.float32(0.5)
VERSIONS = {"python": sys.version.split()[0], "numpy": np.__version__}


def int8_numpy():
    scale = np.abs(W).max(axis=1, keepdims=True) / np.float32(127)
    return np.clip(np.rint(W / scale), -128, 127).astype(np.int8)


ROOM = np.empty_like(W)
CODES = np.empty(W.shape, np.int8)


def int8_in_place():
    np.abs(W, out=ROOM)
    scale = ROOM.max(axis=1, keepdims=True) / np.float32(127)
    np.divide(W, scale, out=ROOM)
    np.rint(ROOM, out=ROOM)
    np.clip(ROOM, -128, 127, out=ROOM)
    np.copyto(CODES, ROOM, casting="unsafe")
    return CODES


def mse_numpy():
    base = np.abs(FEW).max(axis=1, keepdims=True) / np.float32(7)
    best, scales = np.full((len(FEW), 1), np.inf, np.float32), base
    for step in range(80):
        scale = base * np.float32(1 - step / 100)
        error = ((np.clip(np.rint(FEW / scale), -8, 7) * scale - FEW) ** 2).sum(axis=1, keepdims=True)
        scales = np.where(error < best, scale, scales)
        best = np.minimum(error, best)
    return np.clip(np.rint(FEW / scales), -8, 7).astype(np.int8)


#: Rows that the tuned numpy loops take at a time, so that their temporaries stay in the cache.
TILE = 32


def int8_tuned():
    codes = np.empty(W.shape, np.int8)
    buffer = np.empty((TILE, COLUMNS), np.float32)
    for top in range(0, ROWS, TILE):
        part = W[top : top + TILE]
        scale = np.maximum(part.max(1), -part.min(1)) / np.float32(127)
        np.multiply(part, (1 / scale)[:, None], out=buffer)
        np.rint(buffer, out=buffer)
        codes[top : top + TILE] = buffer
    return codes


def mse_tuned():
    best, scales = np.full(len(FEW), np.inf, np.float32), np.empty(len(FEW), np.float32)
    codes = np.empty((TILE, COLUMNS), np.float32)
    for top in range(0, len(FEW), TILE):
        part, rows = FEW[top : top + TILE], slice(top, top + TILE)
        base = np.abs(part).max(1) / np.float32(7)
        for step in range(80):
            scale = base * np.float32(1 - step / 100)
            np.multiply(part, (1 / scale)[:, None], out=codes)
            np.rint(codes, out=codes)
            np.clip(codes, -8, 7, out=codes)
            codes *= scale[:, None]
            codes -= part
            error = np.einsum("ij,ij->i", codes, codes)
            better = error < best[rows]
            best[rows][better] = error[better]
            scales[rows][better] = scale[better]
    return np.clip(np.rint(FEW / scales[:, None]), -8, 7).astype(np.int8)


def mask_numpy():
    metric = np.abs(W) * NORMS
    keep = COLUMNS // 2
    threshold = np.partition(metric, COLUMNS - keep, axis=1)[:, COLUMNS - keep]
    return metric >= threshold[:, None]


CASES = {
    "int8": (int8_numpy, False),
    "int8-in-place": (int8_in_place, False),
    "int8-tuned": (int8_tuned, False),
    "mse-numpy": (mse_numpy, False),
    "mse-tuned": (mse_tuned, False),
    "mask-rows": (mask_numpy, True),
}

MSE_C = """
#include <math.h>
#include <stdint.h>
void mse(const float *w, int rows, int columns, int8_t *codes, float *scales) {
  for (int row = 0; row < rows; row++, w += columns, codes += columns) {
    float peak = 0, best = INFINITY;
    for (int i = 0; i < columns; i++) peak = fmaxf(peak, fabsf(w[i]));
    for (int step = 0; step < 80; step++) {
      const float scale = peak / 7 * (1 - step / 100.0f), inverse = 1 / scale;
      float error = 0;
      for (int i = 0; i < columns; i++) {
        const float r = rintf(w[i] * inverse), low = r < -8 ? -8 : r, q = low > 7 ? 7 : low, e = q * scale - w[i];
        error += e * e;
      }
      if (error < best) { best = error; scales[row] = scale; }
    }
    for (int i = 0; i < columns; i++) codes[i] = (int8_t)fminf(7, fmaxf(-8, rintf(w[i] / scales[row])));
  }
}
"""


def add_gcc():
    VERSIONS["gcc"] = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True, check=True).stdout.strip()
    compile_mse("mse-gcc", [])
    compile_mse("mse-fast-math", ["-ffast-math"])


def compile_mse(case, flags):
    with tempfile.TemporaryDirectory() as folder:
        source, library = os.path.join(folder, "mse.c"), os.path.join(folder, "mse.so")
        with open(source, "w") as file:
            file.write(MSE_C)
        subprocess.run(["gcc", "-O3", "-march=native", *flags, "-shared", "-fPIC", "-o", library, source, "-lm"], check=True)
        mse = ctypes.CDLL(library).mse

    def run():
        codes, scales = np.empty(FEW.shape, np.int8), np.empty(len(FEW), np.float32)
        mse(*map(ctypes.c_void_p, (FEW.ctypes.data,)), len(FEW), COLUMNS, *map(ctypes.c_void_p, (codes.ctypes.data, scales.ctypes.data)))
        return codes

    CASES[case] = (run, False)


def add_onnxruntime():
    import onnxruntime
    from onnxruntime.capi._pybind_state import quantize_matmul_4bits

    VERSIONS["onnxruntime"] = onnxruntime.__version__
    turned = np.ascontiguousarray(W.T)
    blocks = COLUMNS // 32

    def int4_onnxruntime():
        # It starts as many threads as it may run on; one processor makes that one.
        mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
        if mine:
            os.sched_setaffinity(0, {max(mine)})
        packed = np.zeros((ROWS, blocks, 16), np.uint8)
        scales, zeros = np.zeros(ROWS * blocks, np.float32), np.zeros(ROWS * ((blocks + 1) // 2), np.uint8)
        quantize_matmul_4bits(packed, turned, scales, zeros, 32, ROWS, COLUMNS, False)
        if mine:
            os.sched_setaffinity(0, mine)
        return packed

    CASES["int4"] = (int4_onnxruntime, False)


def add_libgguf():
    import importlib.metadata

    import libgguf

    VERSIONS["libgguf"] = importlib.metadata.version("libgguf")
    for name, rows in (("Q8_0", W), ("Q4_0", W), ("Q4_K", FEW)):
        kind = libgguf.GGMLQuantizationType[name]
        CASES[name] = (lambda rows=rows, kind=kind: libgguf.quantize_rows(rows, kind), True)


def add_torch():
    import torch

    VERSIONS["torch"] = torch.__version__
    torch.set_num_threads(1)
    weights, norms = torch.from_numpy(W), torch.from_numpy(NORMS)

    def mask_torch():
        metric = (weights.abs() * norms).view(-1, 4)
        mask = torch.zeros(metric.shape, dtype=torch.bool)
        mask.scatter_(1, metric.topk(2, dim=1).indices, True)
        return mask.view(weights.shape).numpy()

    CASES["mask-2of4"] = (mask_torch, True)
    half, brain = torch.empty_like(weights, dtype=torch.float16), torch.empty_like(weights, dtype=torch.bfloat16)
    CASES["f16-in-place"] = (lambda: half.copy_(weights).numpy(), True)
    CASES["bf16-in-place"] = (lambda: brain.copy_(weights).view(torch.int16).numpy(), True)
    CASES["f16"] = (lambda: weights.to(torch.float16).numpy(), True)
    CASES["bf16"] = (lambda: weights.to(torch.bfloat16).view(torch.int16).numpy(), True)


missing = {}
for add, name in ((add_gcc, "gcc"), (add_onnxruntime, "onnxruntime"), (add_libgguf, "libgguf"), (add_torch, "torch")):
    try:
        if name == "gcc" and not shutil.which("gcc"):
            raise FileNotFoundError("gcc is not installed")
        add()
    except Exception as error:  # a peer that is not there is skipped and said
        missing[name] = str(error)
print(json.dumps({"versions": VERSIONS, "missing": missing, "cases": list(CASES)}), flush=True)

for line in sys.stdin:
    run, is_exact = CASES[line.strip()]
    start = time.process_time()
    output = run()
    seconds = time.process_time() - start
    digest = hashlib.sha256(np.ascontiguousarray(output).tobytes()).hexdigest() if is_exact else None
    print(json.dumps({"seconds": seconds, "sha256": digest}), flush=True)
