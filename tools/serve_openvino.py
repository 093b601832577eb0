#!/usr/bin/env python3
"""What openvino-genai's continuous batching makes of the load of docs/serving.md: clients that come at once, alike.

  venv/bin/python tools/serve_openvino.py MODEL.gguf [CLIENTS]

Its pipeline without HTTP, prompts of random tokens, one client alone and then CLIENTS (16) together: output tokens per
second end to end. Needs the packages openvino-genai, openvino-tokenizers and gguf of one version.
"""
import random
import sys
import time

import numpy
import openvino
import openvino_genai

PROMPT_TOKENS, OUTPUT_TOKENS, THREADS = 2048, 512, 2
STEP_TOKENS, CACHE_GIB = 2048, 6


def load(model):
    scheduler = openvino_genai.SchedulerConfig()
    scheduler.max_num_batched_tokens = STEP_TOKENS
    scheduler.enable_prefix_caching = False
    scheduler.cache_size = CACHE_GIB
    scheduler.dynamic_split_fuse = True
    return openvino_genai.LLMPipeline(model, "CPU", scheduler_config=scheduler, INFERENCE_NUM_THREADS=THREADS)


def greedy():
    config = openvino_genai.GenerationConfig()
    config.max_new_tokens = OUTPUT_TOKENS
    config.ignore_eos = True
    config.do_sample = False
    return config


def seconds(pipeline, clients, draw):
    prompts = [[draw.randrange(1000, 40000) for _ in range(PROMPT_TOKENS)] for _ in range(clients)]
    ids = openvino.Tensor(numpy.array(prompts, dtype=numpy.int64))
    mask = openvino.Tensor(numpy.ones((clients, PROMPT_TOKENS), dtype=numpy.int64))
    begin = time.monotonic()
    pipeline.generate(openvino_genai.TokenizedInputs(ids, mask), greedy())
    return time.monotonic() - begin


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    pipeline, draw = load(sys.argv[1]), random.Random(1)
    for clients in (1, int(sys.argv[2]) if len(sys.argv) == 3 else 16):
        took = seconds(pipeline, clients, draw)
        print(f"{clients} clients: {took:.1f} s, {clients * OUTPUT_TOKENS / took:.1f} tokens/s", flush=True)


if __name__ == "__main__":
    main()
