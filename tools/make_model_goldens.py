#!/usr/bin/env python3
"""Writes tests/golden/llama and tests/golden/qwen: tiny random models and the logits that transformers computes.

Needs: pip install torch transformers gguf numpy
llama/tiny.gguf    F32 weights, output matrix of its own, 4 query heads on 2 key heads of 16 channels
llama/tiny2.gguf   Q8_0 weights, output tied to the embeddings, 6 query heads on 2 key heads of 32 channels
qwen/qwen2.gguf    Q8_0 weights, tied, biases, 7 query heads on one key head of 32 channels
qwen/qwen3.gguf    Q8_0 weights, output of its own, norms of heads, 4 query heads on 2 key heads of 32 channels, hidden 64
llama/tokens.txt   the token ids of all prompts, on one line
*.f32              the models' logits, float32 little-endian [tokens, vocabulary]

transformers runs in float64 on the weights as the file decodes them; it keeps its RMS norms and rope angles in float32.
The tokenizer is byte-level: the 256 bytes, a few merges, <|bos|> and <|eos|>.
"""

import dataclasses
import pathlib

import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter, TokenType
from gguf.quants import dequantize, quantize
from transformers import (LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM, Qwen3Config, Qwen3ForCausalLM)

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden"
FAMILIES = {
    "llama": (LlamaConfig, LlamaForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM),
}
PROMPT_TOKENS = 24
MERGES = """Ġ t|h e|i n|r e|o n|Ġt he|e r|Ġ s|a t|Ġ a|e n|Ġ o|Ġ w|o u|i s|Ġ c|n d|o r|i t|e s|Ġ b|Ġ f|in g|Ġ p|a n
|e d|Ġo f|a l|Ġa nd|Ġt o""".replace("\n", "").split("|")
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)


@dataclasses.dataclass
class Model:
    family: str
    name: str
    logits: str  # file name
    kind: Type  # of the matrices
    tied: bool
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    hidden: int
    ffn: int
    rope_theta: float
    norm_epsilon: float
    seed: int


MODELS = [
    Model("llama", "llama/tiny.gguf", "llama/logits.f32", Type.F32, False, 2, 4, 2, 16, 64, 96, 1e4, 1e-5, 1),
    Model("llama", "llama/tiny2.gguf", "llama/logits2.f32", Type.Q8_0, True, 2, 6, 2, 32, 192, 160, 1e5, 1e-6, 2),
    Model("qwen2", "qwen/qwen2.gguf", "qwen/qwen2.f32", Type.Q8_0, True, 2, 7, 1, 32, 224, 96, 1e6, 1e-6, 3),
    Model("qwen3", "qwen/qwen3.gguf", "qwen/qwen3.f32", Type.Q8_0, False, 2, 4, 2, 32, 64, 96, 1e6, 1e-6, 4),
]


def byte_symbols():
    """GPT-2's printable stand-ins for the 256 bytes."""
    printable = {*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)}
    others = [b for b in range(256) if b not in printable]
    return [chr(b) if b in printable else chr(256 + others.index(b)) for b in range(256)]


VOCABULARY = byte_symbols() + [merge.replace(" ", "") for merge in MERGES] + ["<|bos|>", "<|eos|>"]


def matrix_shapes(m):
    """transformers' name, GGUF's name, [outputs, inputs], heads whose rows take GGUF's rope order (0: none)."""
    kv, queries = m.kv_heads * m.head_dim, m.heads * m.head_dim
    reordered = m.family == "llama"
    shapes = [("model.embed_tokens", "token_embd", (len(VOCABULARY), m.hidden), 0)]
    if not m.tied:
        shapes.append(("lm_head", "output", (len(VOCABULARY), m.hidden), 0))
    for i in range(m.layers):
        layer, block = f"model.layers.{i}.", f"blk.{i}."
        shapes += [
            (layer + "self_attn.q_proj", block + "attn_q", (queries, m.hidden), m.heads * reordered),
            (layer + "self_attn.k_proj", block + "attn_k", (kv, m.hidden), m.kv_heads * reordered),
            (layer + "self_attn.v_proj", block + "attn_v", (kv, m.hidden), 0),
            (layer + "self_attn.o_proj", block + "attn_output", (m.hidden, queries), 0),
            (layer + "mlp.gate_proj", block + "ffn_gate", (m.ffn, m.hidden), 0),
            (layer + "mlp.up_proj", block + "ffn_up", (m.ffn, m.hidden), 0),
            (layer + "mlp.down_proj", block + "ffn_down", (m.hidden, m.ffn), 0),
        ]
    return shapes


def norms(m):
    """transformers' name, GGUF's name, width."""
    names = [("model.norm", "output_norm", m.hidden)]
    for i in range(m.layers):
        layer, block = f"model.layers.{i}.", f"blk.{i}."
        names.append((layer + "input_layernorm", block + "attn_norm", m.hidden))
        names.append((layer + "post_attention_layernorm", block + "ffn_norm", m.hidden))
        if m.family == "qwen3":
            names.append((layer + "self_attn.q_norm", block + "attn_q_norm", m.head_dim))
            names.append((layer + "self_attn.k_norm", block + "attn_k_norm", m.head_dim))
    return names


def biases(m):
    """transformers' name, GGUF's name, width."""
    widths = {"q": m.heads * m.head_dim, "k": m.kv_heads * m.head_dim, "v": m.kv_heads * m.head_dim}
    return [(f"model.layers.{i}.self_attn.{part}_proj.bias", f"blk.{i}.attn_{part}.bias", width)
            for i in range(m.layers) for part, width in widths.items() if m.family == "qwen2"]


def interleaved(rows, heads):
    """transformers rotates channel c with c + head_dim / 2, GGUF's llama neighbours: the halves are interleaved."""
    outputs, inputs = rows.shape
    return rows.reshape(heads, 2, outputs // heads // 2, inputs).swapaxes(1, 2).reshape(outputs, inputs)


def random_matrix(rng, m, name, shape):
    """Variance-preserving; queries and keys larger, so that attention is far from uniform."""
    gain = 1.5 if name.endswith(("q_proj", "k_proj")) else 1.0
    if name == "model.embed_tokens" and not m.tied:
        gain = np.sqrt(m.hidden)  # only looked up, never multiplied with
    return (rng.standard_normal(shape) * gain / np.sqrt(shape[1])).astype(np.float32)


def add_hyperparameters(writer, m):
    writer.add_block_count(m.layers)
    writer.add_context_length(512)
    writer.add_embedding_length(m.hidden)
    writer.add_feed_forward_length(m.ffn)
    writer.add_head_count(m.heads)
    writer.add_head_count_kv(m.kv_heads)
    if m.hidden != m.heads * m.head_dim:
        writer.add_key_length(m.head_dim)
        writer.add_value_length(m.head_dim)
    writer.add_rope_freq_base(m.rope_theta)
    if m.family == "llama":  # GGUF files of the others leave it out
        writer.add_rope_dimension_count(m.head_dim)
    writer.add_layer_norm_rms_eps(m.norm_epsilon)
    writer.add_vocab_size(len(VOCABULARY))


def add_tokenizer(writer):
    specials = 2
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(VOCABULARY)
    writer.add_token_types([TokenType.NORMAL] * (len(VOCABULARY) - specials) + [TokenType.CONTROL] * specials)
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(len(VOCABULARY) - 2)
    writer.add_eos_token_id(len(VOCABULARY) - 1)
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def write_model(m):
    """Writes the GGUF; returns the weights as it decodes them, in transformers' names and row order."""
    rng = np.random.default_rng(m.seed)
    writer = GGUFWriter(FOLDER / m.name, m.family)
    add_hyperparameters(writer, m)
    add_tokenizer(writer)
    weights = {}
    for name, gguf_name, shape, rope_heads in matrix_shapes(m):
        stored = quantize(random_matrix(rng, m, name, shape), m.kind)
        weights[name + ".weight"] = dequantize(stored, m.kind)
        rows = interleaved(stored, rope_heads) if rope_heads else stored  # moves whole rows, so it may follow
        writer.add_tensor(gguf_name + ".weight", np.ascontiguousarray(rows), raw_dtype=m.kind)
    for name, gguf_name, width in norms(m):
        scale = (1 + 0.1 * rng.standard_normal(width)).astype(np.float32)
        weights[name + ".weight"] = scale
        writer.add_tensor(gguf_name + ".weight", scale)
    for name, gguf_name, width in biases(m):
        weights[name] = (0.5 * rng.standard_normal(width)).astype(np.float32)
        writer.add_tensor(gguf_name, weights[name])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights


def logits_of(m, weights, tokens):
    config_class, model_class = FAMILIES[m.family]
    config = config_class(
        vocab_size=len(VOCABULARY),
        hidden_size=m.hidden,
        intermediate_size=m.ffn,
        num_hidden_layers=m.layers,
        num_attention_heads=m.heads,
        num_key_value_heads=m.kv_heads,
        head_dim=m.head_dim,
        max_position_embeddings=512,
        rms_norm_eps=m.norm_epsilon,
        rope_parameters={"rope_type": "default", "rope_theta": m.rope_theta},
        tie_word_embeddings=m.tied,
        attn_implementation="sdpa",
    )
    model = model_class(config).double().eval()
    state = {name: torch.from_numpy(np.ascontiguousarray(w)).double() for name, w in weights.items()}
    if m.tied:
        state["lm_head.weight"] = state["model.embed_tokens.weight"]
    model.load_state_dict(state, strict=True)
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0].numpy()


def main():
    for family in ("llama", "qwen"):
        (FOLDER / family).mkdir(parents=True, exist_ok=True)
    tokens = np.random.default_rng(0).integers(0, len(VOCABULARY), size=PROMPT_TOKENS).tolist()
    (FOLDER / "llama/tokens.txt").write_text(" ".join(map(str, tokens)) + "\n")
    for m in MODELS:
        logits_of(m, write_model(m), tokens).astype("<f4").tofile(FOLDER / m.logits)


if __name__ == "__main__":
    main()
