"""Fine-tunes models of the fixtures for a few steps, as pairs for `bench:wire -- base`: fine-tune.py <fixtures> <text folder> <mnist folder> <out folder>

lm.safetensors: AdamW, rate 2e-5, 40 steps of 8 windows of 128 tokens; with what comes after the next 40 steps (a later checkpoint), and the pair as bf16 and f16.
lm-head.safetensors: only the last two layers are trained. lenet5.onnx, minilm.onnx: all weights, AdamW. Deterministic on one machine.
"""
import gzip, json, re, sys
import numpy, onnx, torch
from onnx import numpy_helper
from safetensors.torch import load_file, save_file
import torch.nn.functional as F

torch.manual_seed(0)
torch.set_num_threads(1)
fixtures, texts, mnist, out = sys.argv[1:]


class Lm(torch.nn.Module):
    """Llama as in lm/config.json."""

    def __init__(self, weights):
        super().__init__()
        self.names = list(weights)
        self.p = torch.nn.ParameterList([torch.nn.Parameter(weights[name].clone()) for name in self.names])

    def state(self):
        return {name: p.detach().clone() for name, p in zip(self.names, self.p)}

    def forward(self, ids):
        w = dict(zip(self.names, self.p))
        norm = lambda x, g: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-5) * g
        b, t = ids.shape
        x = w["model.embed_tokens.weight"][ids]
        angle = torch.arange(t)[:, None] / 10000 ** (torch.arange(0, 64, 2) / 64)
        cos, sin = torch.cat([angle, angle], 1).cos(), torch.cat([angle, angle], 1).sin()
        rotate = lambda x: x * cos + torch.cat([-x[..., 32:], x[..., :32]], -1) * sin
        for i in range(6):
            g = lambda name: w[f"model.layers.{i}.{name}.weight"]
            h = norm(x, g("input_layernorm"))
            q, k, v = (F.linear(h, g(f"self_attn.{n}_proj")).view(b, t, -1, 64).transpose(1, 2) for n in "qkv")
            k, v = (rotate(k).repeat_interleave(2, 1), v.repeat_interleave(2, 1))
            a = F.scaled_dot_product_attention(rotate(q), k, v, is_causal=True).transpose(1, 2).reshape(b, t, -1)
            x = x + F.linear(a, g("self_attn.o_proj"))
            h = norm(x, g("post_attention_layernorm"))
            x = x + F.linear(F.silu(F.linear(h, g("mlp.gate_proj"))) * F.linear(h, g("mlp.up_proj")), g("mlp.down_proj"))
        return F.linear(norm(x, w["model.norm.weight"]), w["model.embed_tokens.weight"])


def tokens_of(text):
    """Bytes of words by greedy longest match in the vocabulary: near enough to the tokenizer to train on."""
    vocabulary = json.load(open(f"{fixtures}/lm/tokenizer.json"))["model"]["vocab"]
    ids = []
    for word in re.findall(r" ?\S+", text):
        word = word.replace(" ", "Ġ")
        while word:
            for n in range(len(word), 0, -1):
                if word[:n] in vocabulary:
                    ids.append(vocabulary[word[:n]])
                    break
            word = word[n:]
    return torch.tensor(ids)


def train(model, loss, steps, rate):
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=rate, weight_decay=0.01)
    for step in range(steps):
        optimizer.zero_grad()
        value = loss(step)
        value.backward()
        optimizer.step()
    print(f"loss {value.item():.3f}", flush=True)


def language_models():
    weights = load_file(f"{fixtures}/lm/model.safetensors")
    ids = tokens_of(open(f"{texts}/test-moby.txt", encoding="utf8").read())
    model = Lm(weights)

    def loss(_):
        starts = torch.randint(0, len(ids) - 129, (8,))
        windows = torch.stack([ids[s : s + 129] for s in starts])
        return F.cross_entropy(model(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())

    train(model, loss, 40, 2e-5)
    tuned = model.state()
    save_file(tuned, f"{out}/lm.safetensors")
    for name, dtype in [("bf16", torch.bfloat16), ("f16", torch.float16)]:
        save_file({k: v.to(dtype) for k, v in weights.items()}, f"{out}/lm-base-{name}.safetensors")
        save_file({k: v.to(dtype) for k, v in tuned.items()}, f"{out}/lm-{name}.safetensors")
    train(model, loss, 40, 2e-5)
    save_file(model.state(), f"{out}/lm-later.safetensors")
    model = Lm(weights)
    for name, p in zip(model.names, model.p):
        p.requires_grad_(".4." in name or ".5." in name)
    train(model, loss, 40, 2e-5)
    save_file(model.state(), f"{out}/lm-layers.safetensors")


def floats_of(model, least=0):
    return {t.name: t for t in model.graph.initializer if t.data_type == 1 and numpy.prod(t.dims) >= least}


def save_onnx(model, weights, path):
    for t in model.graph.initializer:
        if t.name in weights:
            t.CopyFrom(numpy_helper.from_array(weights[t.name].detach().numpy(), t.name))
    onnx.save(model, path)


def images_of(path):
    return numpy.frombuffer(gzip.open(path).read()[16:], numpy.uint8).reshape(-1, 1, 28, 28)


def lenet():
    model = onnx.load(f"{fixtures}/lenet/lenet5-mnist8k.onnx")
    w = {name: torch.nn.Parameter(torch.tensor(numpy_helper.to_array(t).copy())) for name, t in floats_of(model).items()}
    x = torch.tensor(images_of(f"{mnist}/mnist-train8k-images-idx3-ubyte.gz").astype(numpy.float32) / 255)
    y = torch.tensor(numpy.frombuffer(gzip.open(f"{mnist}/mnist-train8k-labels-idx1-ubyte.gz").read()[8:], numpy.uint8).astype(numpy.int64))
    names = list(w)
    kernels = [n for n in names if w[n].dim() == 4]
    matrices = [n for n in names if w[n].dim() == 2]
    biases = [n for n in names if w[n].dim() == 1]

    def forward(x):
        for k, b in zip(kernels, biases):
            x = F.max_pool2d(F.conv2d(x, w[k], w[b]), 2)
        x = x.flatten(1)
        for i, (m, b) in enumerate(zip(matrices, biases[2:])):
            x = (F.linear(x, w[m]) if w[m].shape[1] == x.shape[1] else x @ w[m]) + w[b]
            if i == 0:
                x = F.relu(x)
        return x

    class Holder(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.p = torch.nn.ParameterList(w.values())

    def loss(step):
        at = torch.randint(0, len(x), (64,))
        return F.cross_entropy(forward(torch.roll(x[at], step % 3 - 1, 3)), y[at])

    train(Holder(), loss, 50, 1e-4)
    save_onnx(model, w, f"{out}/lenet5.onnx")


if __name__ == "__main__":
    lenet()
    language_models()
