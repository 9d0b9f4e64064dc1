"""A folder of Hugging Face's kind to GGUF with gguf-py, as llama.cpp's convert_hf_to_gguf.py does for Llama: convert.py FOLDER OUT TYPE.

That script is not on PyPI; this takes its package, its names of tensors (get_tensor_name_map), its order of rows and its quantizers, and writes tensor by tensor, so that
no more than one is in memory. The vocabulary is left out: tensors are what is timed.
"""

import json
import pathlib
import sys

import gguf
import numpy as np
import torch
from safetensors import safe_open

folder, out, kind = pathlib.Path(sys.argv[1]), sys.argv[2], gguf.GGMLQuantizationType[sys.argv[3]]
config = json.loads((folder / "config.json").read_text())
heads, key_heads = config["num_attention_heads"], config["num_key_value_heads"]
names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
writer = gguf.GGUFWriter(out, "llama")
writer.add_block_count(config["num_hidden_layers"])
writer.add_embedding_length(config["hidden_size"])


def turned(data, heads):
    return data.reshape(heads, 2, data.shape[0] // heads // 2, *data.shape[1:]).swapaxes(1, 2).reshape(data.shape)


def kind_of(shape):
    return gguf.GGMLQuantizationType.F32 if len(shape) == 1 else kind


files = [safe_open(path, "pt") for path in sorted(folder.glob("*.safetensors"))]
order = [(file, key) for file in files for key in file.keys()]
for file, key in order:
    shape = file.get_slice(key).get_shape()
    bytes_shape = gguf.quant_shape_to_byte_shape(shape, kind_of(shape))
    size = int(np.prod(bytes_shape))
    dtype = np.dtype(np.float32) if kind_of(shape) == gguf.GGMLQuantizationType.F32 else np.dtype(np.uint8)
    name = names.get_name(key, try_suffixes=(".weight", ".bias"))
    raw = shape if dtype == np.float32 else bytes_shape
    writer.add_tensor_info(name, raw, dtype, size if dtype == np.uint8 else 4 * int(np.prod(shape)), raw_dtype=kind_of(shape))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_ti_data_to_file()
for file, key in order:
    data = file.get_tensor(key).to(torch.float32).numpy()
    if key.endswith("q_proj.weight"):
        data = turned(data, heads)
    if key.endswith("k_proj.weight"):
        data = turned(data, key_heads)
    writer.write_tensor_data(gguf.quants.quantize(np.ascontiguousarray(data), kind_of(data.shape)))
writer.close()
