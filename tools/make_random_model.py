#!/usr/bin/env python3
"""Writes a GGUF file with random Q8_0 weights in the shape of Llama 3.2 1B, to measure engines beside each other on it.

  tools/make_random_model.py ~/.cache/leankv/SmolLM2-135M-Instruct.Q8_0.gguf /tmp/1b.gguf
  tools/bench_peers.py --model /tmp/1b.gguf --prompts 512 --depths 0

The tokenizer, and with it the vocabulary, is the given file's. Needs the gguf and numpy packages.
"""
import argparse

import gguf
import numpy as np

LAYERS, HIDDEN, FEED_FORWARD, HEADS, KV_HEADS, HEAD_DIM = 16, 2048, 8192, 32, 8, 64
BLOCK = np.dtype([("scale", "<f2"), ("codes", "i1", 32)])  # of Q8_0
random = np.random.default_rng(1)


def q8_0(rows, columns):
    """Weights of about 1 / sqrt(columns)."""
    blocks = np.empty((rows, columns // 32), BLOCK)
    blocks["scale"] = 1 / (73 * columns**0.5)  # 73: the root mean square of the codes
    blocks["codes"] = random.integers(-127, 128, (rows, columns // 32, 32), np.int8)
    return blocks.view(np.uint8).reshape(rows, columns // 32 * BLOCK.itemsize)


def copy_tokenizer(reader, writer):
    for key, field in reader.fields.items():
        if not key.startswith("tokenizer.") or key == "tokenizer.chat_template":
            continue
        kind = field.types[0]
        writer.add_key_value(key, field.contents(), kind, field.types[-1] if len(field.types) > 1 else None)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("tokenizer", help="a GGUF file")
    p.add_argument("out")
    args = p.parse_args()
    reader = gguf.GGUFReader(args.tokenizer)
    vocabulary = len(reader.fields["tokenizer.ggml.tokens"].data)
    w = gguf.GGUFWriter(args.out, "llama")
    w.add_block_count(LAYERS)
    w.add_context_length(8192)
    w.add_embedding_length(HIDDEN)
    w.add_feed_forward_length(FEED_FORWARD)
    w.add_head_count(HEADS)
    w.add_head_count_kv(KV_HEADS)
    w.add_rope_freq_base(5e5)
    w.add_rope_dimension_count(HEAD_DIM)
    w.add_layer_norm_rms_eps(1e-5)
    w.add_vocab_size(vocabulary)
    w.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    copy_tokenizer(reader, w)

    def matrix(name, rows, columns):
        w.add_tensor(name + ".weight", q8_0(rows, columns), raw_dtype=gguf.GGMLQuantizationType.Q8_0)

    matrix("token_embd", vocabulary, HIDDEN)
    for i in range(LAYERS):
        layer = f"blk.{i}."
        for norm in ("attn_norm", "ffn_norm"):
            w.add_tensor(layer + norm + ".weight", np.ones(HIDDEN, np.float32))
        matrix(layer + "attn_q", HEADS * HEAD_DIM, HIDDEN)
        matrix(layer + "attn_k", KV_HEADS * HEAD_DIM, HIDDEN)
        matrix(layer + "attn_v", KV_HEADS * HEAD_DIM, HIDDEN)
        matrix(layer + "attn_output", HIDDEN, HEADS * HEAD_DIM)
        matrix(layer + "ffn_gate", FEED_FORWARD, HIDDEN)
        matrix(layer + "ffn_up", FEED_FORWARD, HIDDEN)
        matrix(layer + "ffn_down", HIDDEN, FEED_FORWARD)
    w.add_tensor("output_norm.weight", np.ones(HIDDEN, np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    main()
