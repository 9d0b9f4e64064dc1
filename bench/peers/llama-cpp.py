"""llama.cpp itself, through the shared libraries that npm's @node-llama-cpp packages hold: its quantizer, its importances, its predictions.

python llama-cpp.py LIBRARIES quantize FROM TO FTYPE THREADS ROUNDS mixed|pure [IMATRIX.dat]   seconds of the best call, peak memory
python llama-cpp.py LIBRARIES imatrix MODEL TO.dat CHUNKS TEXT...               what llama-imatrix would write
python llama-cpp.py LIBRARIES predict TEXT,TEXT,... WINDOWS MODEL TO.npy        log-probabilities of all that may follow
python llama-cpp.py LIBRARIES evaluate TEXT,TEXT,... WINDOWS BEFORE.npy MODEL   losses, and divergences from what was predicted before, window by window

Prints one line of JSON. Needs numpy. Structures are those of the llama.cpp that node-llama-cpp 3.22.1 comes with.
"""

import ctypes as c
import json
import pathlib
import resource
import struct
import sys
import time

import numpy as np

CONTEXT = 256
Callback = c.CFUNCTYPE(c.c_bool, c.c_void_p, c.c_bool, c.c_void_p)
Log = c.CFUNCTYPE(None, c.c_int, c.c_char_p, c.c_void_p)


class ImatrixData(c.Structure):
    _fields_ = [("name", c.c_char_p), ("data", c.POINTER(c.c_float)), ("size", c.c_size_t)]


class QuantizeParams(c.Structure):
    _fields_ = [
        *((name, c.c_int32) for name in ("nthread", "ftype", "output_tensor_type", "token_embedding_type")),
        *((name, c.c_bool) for name in ("allow_requantize", "quantize_output_tensor", "only_copy", "pure", "keep_split", "dry_run")),
        ("imatrix", c.POINTER(ImatrixData)),
        *((name, c.c_void_p) for name in ("kv_overrides", "tt_overrides", "prune_layers")),
        ("max_buf_size", c.c_size_t),
    ]


class ModelParams(c.Structure):
    _fields_ = [
        *((name, c.c_void_p) for name in ("devices", "tensor_buft_overrides")),
        *((name, c.c_int32) for name in ("n_gpu_layers", "split_mode", "load_mode", "lazy_mode", "main_gpu")),
        *((name, c.c_void_p) for name in ("tensor_split", "progress_callback", "progress_callback_user_data", "kv_overrides")),
        *((name, c.c_bool) for name in ("vocab_only", "check_tensors", "use_extra_bufts", "no_host", "no_alloc", "load_mtp")),
    ]


class ContextParams(c.Structure):
    _fields_ = [
        *((name, c.c_uint32) for name in ("n_ctx", "n_batch", "n_ubatch", "n_seq_max", "n_rs_seq", "n_outputs_max", "n_outputs_max_per_seq")),
        *((name, c.c_int32) for name in ("n_threads", "n_threads_batch")),
        *((name, c.c_int32) for name in ("ctx_type", "rope_scaling_type", "pooling_type", "attention_type", "flash_attn_type")),
        *((name, c.c_float) for name in ("rope_freq_base", "rope_freq_scale", "yarn_ext_factor", "yarn_attn_factor", "yarn_beta_fast", "yarn_beta_slow")),
        ("yarn_orig_ctx", c.c_uint32),
        ("defrag_thold", c.c_float),
        ("cb_eval", Callback),
        ("cb_eval_user_data", c.c_void_p),
        ("type_k", c.c_int32),
        ("type_v", c.c_int32),
        ("abort_callback", c.c_void_p),
        ("abort_callback_data", c.c_void_p),
        *((name, c.c_bool) for name in ("embeddings", "offload_kqv", "no_perf", "op_offload", "swa_full", "kv_unified")),
        ("samplers", c.c_void_p),
        ("n_samplers", c.c_size_t),
        ("ctx_other", c.c_void_p),
    ]


class Batch(c.Structure):
    _fields_ = [("n_tokens", c.c_int32), *((name, c.c_void_p) for name in ("token", "embd", "pos", "n_seq_id", "seq_id", "logits"))]


class Tensor(c.Structure):
    _fields_ = [
        ("type", c.c_int32),
        ("buffer", c.c_void_p),
        ("ne", c.c_int64 * 4),
        ("nb", c.c_size_t * 4),
        ("op", c.c_int32),
        ("op_params", c.c_int32 * 16),
        ("flags", c.c_int32),
        ("src", c.c_void_p * 10),
        ("view_src", c.c_void_p),
        ("view_offs", c.c_size_t),
        ("data", c.c_void_p),
        ("name", c.c_char * 64),
    ]


def open_libraries(folder):
    folder = pathlib.Path(folder)
    base = c.CDLL(str(folder / "libggml-base.so"), mode=c.RTLD_GLOBAL)
    ggml = c.CDLL(str(next(folder.glob("libggml.*so"))), mode=c.RTLD_GLOBAL)
    llama = c.CDLL(str(next(folder.glob("libllama.*so"))), mode=c.RTLD_GLOBAL)
    llama.llama_log_set(quiet, None)
    base.ggml_op_desc.restype = c.c_char_p
    base.ggml_op_desc.argtypes = [c.c_void_p]
    base.ggml_backend_tensor_get.argtypes = [c.c_void_p, c.c_void_p, c.c_size_t, c.c_size_t]
    ggml.ggml_backend_load_all_from_path(str(folder).encode())
    for name in ("llama_model_load_from_file", "llama_init_from_model", "llama_model_get_vocab", "llama_get_memory"):
        getattr(llama, name).restype = c.c_void_p
    llama.llama_get_logits.restype = c.POINTER(c.c_float)
    llama.llama_model_default_params.restype = ModelParams
    llama.llama_context_default_params.restype = ContextParams
    llama.llama_model_quantize_default_params.restype = QuantizeParams
    llama.llama_batch_get_one.restype = Batch
    return base, llama


quiet = Log(lambda level, text, data: None)


def read_dat(path):
    """Means by name."""
    data = pathlib.Path(path).read_bytes()
    (count,), at, entries = struct.unpack_from("<i", data), 4, {}
    for _ in range(count):
        (length,) = struct.unpack_from("<i", data, at)
        name = data[at + 4 : at + 4 + length]
        calls, size = struct.unpack_from("<ii", data, at + 4 + length)
        at += 12 + length
        entries[name] = np.frombuffer(data, np.float32, size, at) / np.float32(calls)
        at += 4 * size
    return entries


def quantize(llama, source, target, ftype, threads, rounds, kind, imatrix=None):
    params = llama.llama_model_quantize_default_params()
    assert params.ftype == 7 and params.quantize_output_tensor and not params.pure, "llama.cpp's parameters have changed"
    params.ftype, params.nthread, params.allow_requantize, params.pure = int(ftype), int(threads), True, kind == "pure"
    if imatrix:
        entries = {name: np.ascontiguousarray(values, np.float32) for name, values in read_dat(imatrix).items()}
        rows = [ImatrixData(name, v.ctypes.data_as(c.POINTER(c.c_float)), v.size) for name, v in entries.items()]
        params.imatrix = (ImatrixData * (len(rows) + 1))(*rows, ImatrixData(None, None, 0))
    seconds, processor_seconds = [], []
    for _ in range(int(rounds)):
        start, processors = time.perf_counter(), time.process_time()
        if llama.llama_model_quantize(source.encode(), target.encode(), c.byref(params)) != 0:
            return {"error": "llama.cpp refuses"}
        seconds.append(time.perf_counter() - start)
        processor_seconds.append(time.process_time() - processors)
    return {"seconds": min(seconds), "processorSeconds": min(processor_seconds), "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def open_model(llama, path, callback=None):
    model = llama.llama_model_load_from_file(path.encode(), llama.llama_model_default_params())
    if not model:
        return None
    params = llama.llama_context_default_params()
    assert params.n_batch == 2048 and params.flash_attn_type == -1, "llama.cpp's parameters have changed"
    params.n_ctx, params.n_batch, params.n_ubatch, params.n_threads, params.n_threads_batch = CONTEXT, CONTEXT, CONTEXT, 1, 1
    if callback:
        params.cb_eval = callback
    context = llama.llama_init_from_model(c.c_void_p(model), params)
    return c.c_void_p(model), c.c_void_p(context)


def tokenize(llama, model, text):
    vocab = c.c_void_p(llama.llama_model_get_vocab(model))
    data = text.encode()
    tokens = (c.c_int32 * (len(data) + 8))()
    count = llama.llama_tokenize(vocab, data, len(data), tokens, len(tokens), True, False)
    return np.array(tokens[:count], np.int32), llama.llama_vocab_n_tokens(vocab)


def logits_of(llama, context, tokens, size):
    """Of every position of a window."""
    llama.llama_memory_clear(c.c_void_p(llama.llama_get_memory(context)), True)
    ids = (c.c_int32 * len(tokens))(*tokens)
    wanted = (c.c_int8 * len(tokens))(*([1] * len(tokens)))
    batch = llama.llama_batch_get_one(ids, len(tokens))
    batch.logits = c.cast(wanted, c.c_void_p)
    if llama.llama_decode(context, batch) != 0:
        raise RuntimeError("llama_decode fails")
    return np.ctypeslib.as_array(llama.llama_get_logits(context), (len(tokens), size)).copy()


def windows_of(llama, model, texts, most):
    """As many of each text."""
    windows = []
    for text in texts:
        tokens, _ = tokenize(llama, model, pathlib.Path(text).read_text(encoding="utf8"))
        windows += [tokens[i : i + CONTEXT] for i in range(0, len(tokens) - CONTEXT, CONTEXT)][: -(-most // len(texts))]
    return windows


def imatrix(base, llama, path, target, chunks, texts):
    sums, counts = {}, {}

    def watch(pointer, asks, _):
        tensor = Tensor.from_address(pointer)
        if base.ggml_op_desc(pointer) != b"MUL_MAT" or not tensor.src[1]:
            return False
        weight, values = Tensor.from_address(tensor.src[0]), Tensor.from_address(tensor.src[1])
        name = weight.name
        if not (name.startswith(b"blk.") or name in (b"output.weight", b"token_embd.weight")) or values.type != 0:
            return False
        if asks:
            return True
        rows, columns = values.ne[1] * values.ne[2] * values.ne[3], values.ne[0]
        data = np.empty((rows, columns), np.float32)
        base.ggml_backend_tensor_get(tensor.src[1], data.ctypes.data_as(c.c_void_p), 0, data.nbytes)
        sums[name] = sums.get(name, 0) + (data.astype(np.float64) ** 2).sum(0)
        counts[name] = counts.get(name, 0) + rows
        return True

    callback = Callback(watch)
    model, context = open_model(llama, path, callback)
    windows = windows_of(llama, model, texts, chunks)
    _, size = tokenize(llama, model, "")
    for window in windows:
        logits_of(llama, context, window, size)
    with open(target, "wb") as out:
        out.write(struct.pack("<i", len(sums)))
        for name in sorted(sums):
            values = (sums[name] / counts[name] * len(windows)).astype(np.float32)
            out.write(struct.pack("<i", len(name)) + name + struct.pack("<ii", len(windows), len(values)) + values.tobytes())
        dataset = pathlib.Path(texts[0]).name.encode()
        out.write(struct.pack("<ii", len(windows), len(dataset)) + dataset)
    return {"weights": len(sums), "tokens": int(max(counts.values()))}


def log_softmax(logits):
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True, dtype=np.float64)).astype(np.float32)


def predict(llama, texts, most, path, target):
    model, context = open_model(llama, path)
    windows = windows_of(llama, model, texts, most)
    _, size = tokenize(llama, model, "")
    predictions = np.lib.format.open_memmap(target + ".new", "w+", np.float32, (len(windows), CONTEXT, size))
    for i, window in enumerate(windows):
        predictions[i] = log_softmax(logits_of(llama, context, window, size))
    predictions.flush()
    pathlib.Path(target + ".new").rename(target)
    return {"windows": len(windows)}


def evaluate(llama, texts, most, predicted, path):
    """Means of every window, so that models can be compared window by window."""
    opened = open_model(llama, path)
    if not opened:
        return {"error": "does not load"}
    model, context = opened
    windows = windows_of(llama, model, texts, most)
    _, size = tokenize(llama, model, "")
    result = {"losses": [], "divergences": [], "agreements": []}
    for window, before in zip(windows, np.load(predicted, mmap_mode="r"), strict=True):
        now = log_softmax(logits_of(llama, context, window, size))
        result["losses"].append(float(-now[np.arange(len(window) - 1), window[1:]].mean(dtype=np.float64)))
        result["divergences"].append(float((np.exp(before) * (before - now)).sum(-1, dtype=np.float64).mean()))
        result["agreements"].append(float((before.argmax(-1) == now.argmax(-1)).mean()))
    return result


if __name__ == "__main__":
    base, llama = open_libraries(sys.argv[1])
    command, rest = sys.argv[2], sys.argv[3:]
    if command == "quantize":
        print(json.dumps(quantize(llama, *rest)))
    elif command == "imatrix":
        print(json.dumps(imatrix(base, llama, rest[0], rest[1], int(rest[2]), rest[3:])))
    else:
        run = predict if command == "predict" else evaluate
        print(json.dumps(run(llama, rest[0].split(","), int(rest[1]), *rest[2:])))
