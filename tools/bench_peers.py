#!/usr/bin/env python3
"""Measures `leankv bench` beside other engines on the same model file, in turn, and prints the ratios.

  LEANKV_PEERS=/path/to/llama.cpp/build/bin:/path/to/ik_llama.cpp/build/bin tools/bench_peers.py --json peers.json

Peers: every llama-bench (and for --batch llama-batched-bench) in the folders of $LEANKV_PEERS, and openvino-genai (pip
install openvino-genai) of this Python or of --openvino-python. Each repetition runs every engine once, so that a machine
that gets slower hits all alike; the median of the repetitions counts. Standard library only, but --q8 needs the gguf
package: it makes a Q8_0 copy of the model, which all peers read at its best speed.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

DECODE_TOKENS = 32  # of a run of a peer; short beside the depth
ROOT = pathlib.Path(__file__).resolve().parent.parent


def run(command, timeout, **more):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=timeout, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: exit code {done.returncode}: {done.stderr.strip()[-300:]}")
    return done


class LeanKv:
    """Ours: one engine per cache and arithmetic of the linear layers."""

    def __init__(self, args, activations):
        self.args, self.activations = args, activations

    def measure(self):
        depths = sorted({*self.args.prompts, *self.args.depths})
        yield from self.bench(depths, 1, prompts=True)
        for batch, depth in self.args.batch:
            yield from self.bench([depth], batch, prompts=False)

    def bench(self, depths, batch, prompts):
        out = self.args.scratch / "leankv.json"
        run([self.args.leankv, "bench", "-m", self.args.model, "-t", self.args.threads, "--activations", self.activations,
             "--depths", ",".join(map(str, depths)), "--batches", batch, "--kv", self.args.kv, "--repeat", 1,
             "--no-progress", "--json", out], self.args.timeout)
        for point in json.loads(out.read_text()):
            if "skipped" in point:
                continue
            name = f"leankv {self.activations} {point['kv']}"
            if prompts and point["depth"] in self.args.prompts:
                yield name, ("prefill", point["depth"], 1), point["prompt_tok_s"]
            if not prompts or point["depth"] in self.args.depths:
                yield name, ("decode", point["depth"], batch), point["decode_tok_s"]


class LlamaCpp:
    """llama.cpp or a fork of it, by its own benchmarks."""

    def __init__(self, args, folder, cache_type):
        self.args, self.folder, self.cache_type = args, folder, cache_type
        self.name = f"{folder_name(folder)} {cache_type}"
        words = subprocess.run([folder / "llama-bench", "--help"], capture_output=True, text=True)
        self.has_gp = "-gp <pp,tg>" in words.stdout + words.stderr  # ik_llama.cpp; llama.cpp has -d

    def measure(self):
        for n in self.args.prompts:
            yield self.name, ("prefill", n, 1), self.llama_bench("-p", n, "-n", 0)
        for depth in self.args.depths:
            if depth == 0:
                speed = self.llama_bench("-p", 0, "-n", DECODE_TOKENS)
            elif self.has_gp:
                speed = self.llama_bench("-p", 0, "-n", 0, "-gp", f"{depth},{DECODE_TOKENS}")
            else:
                speed = self.llama_bench("-p", 0, "-n", DECODE_TOKENS, "-d", depth)
            yield self.name, ("decode", depth, 1), speed
        for batch, depth in self.args.batch:
            yield self.name, ("decode", depth, batch), self.batched(batch, depth)

    def common(self):
        flash = [] if self.has_gp else ["-fa", 1]  # the fork has it on
        return ["-m", self.args.model, "-t", self.args.threads, "-ctk", self.cache_type, "-ctv", self.cache_type, *flash]

    def llama_bench(self, *what):
        done = run([self.folder / "llama-bench", *self.common(), "-r", 1, "-o", "json", *what], self.args.timeout)
        return json.loads(done.stdout)[-1]["avg_ts"]

    def batched(self, batch, depth):
        cells = batch * (depth + DECODE_TOKENS)
        done = run([self.folder / "llama-batched-bench", *self.common(), "-c", cells, "-npp", depth, "-ntg", DECODE_TOKENS,
                    "-npl", batch], self.args.timeout)
        rows = [r for r in (done.stdout + done.stderr).splitlines() if re.match(r"^\|\s*\d", r)]
        return float(rows[-1].split("|")[8])  # S_TG


def folder_name(folder):
    parts = [p for p in folder.parts if p not in ("build", "bin", "/")]
    return parts[-1] if parts else str(folder)


# Runs in the Python that has openvino-genai: answers a line of JSON with another. Prompts are random tokens, so that no
# prefix of an earlier one is found in its cache.
OPENVINO_WORKER = r"""
import json, random, sys, time
import numpy, openvino, openvino_genai as genai
model, threads = sys.argv[1], int(sys.argv[2])
scheduler = genai.SchedulerConfig()
scheduler.enable_prefix_caching = False
scheduler.max_num_batched_tokens = 1 << 20
scheduler.cache_size = 4
pipe = genai.LLMPipeline(model, "CPU", scheduler_config=scheduler, INFERENCE_NUM_THREADS=threads)
def seconds(batch, depth, new):
    ids = numpy.array([[random.randrange(100, 40000) for _ in range(depth)] for _ in range(batch)], dtype=numpy.int64)
    inputs = genai.TokenizedInputs(openvino.Tensor(ids), openvino.Tensor(numpy.ones_like(ids)))
    config = genai.GenerationConfig(max_new_tokens=new, ignore_eos=True, do_sample=False)
    begin = time.perf_counter()
    pipe.generate(inputs, config)
    return time.perf_counter() - begin
seconds(1, 64, 4)
print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    print(json.dumps(seconds(*json.loads(line))), flush=True)
"""


class OpenVino:
    """openvino-genai in a process of its own that keeps the model."""

    def __init__(self, args, python):
        self.args, self.name = args, "openvino-genai"
        self.errors = open(args.scratch / "openvino.log", "w")
        self.process = subprocess.Popen([python, "-c", OPENVINO_WORKER, str(args.model), str(args.threads)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors)
        self.answer()

    def answer(self):
        for line in self.process.stdout:  # the library prints its own lines, too
            try:
                return json.loads(line)
            except json.JSONDecodeError:
                continue
        raise RuntimeError(f"openvino-genai stopped: {pathlib.Path(self.errors.name).read_text().strip()[-300:]}")

    def seconds(self, *what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def measure(self):
        for n in self.args.prompts:
            yield self.name, ("prefill", n, 1), n / self.seconds(1, n, 1)
        for batch, depth in [(1, d) for d in self.args.depths] + self.args.batch:
            prompt = max(depth, 1)
            more = self.seconds(batch, prompt, 1 + DECODE_TOKENS) - self.seconds(batch, prompt, 1)
            if more > 0:  # the difference of two runs
                yield self.name, ("decode", depth, batch), batch * DECODE_TOKENS / more


def peers_of(args):
    found, missing = [], []
    folders = [pathlib.Path(p) for p in os.environ.get("LEANKV_PEERS", "").split(":") if p]
    for folder in folders:
        if (folder / "llama-bench").exists():
            found += [LlamaCpp(args, folder, t) for t in args.cache_types.split(",")]
        else:
            missing.append(f"{folder} has no llama-bench")
    if not folders:
        missing.append("LEANKV_PEERS names no folder with llama-bench")
    python = args.openvino_python or sys.executable
    probe = subprocess.run([python, "-c", "import openvino_genai"], capture_output=True)
    if probe.returncode != 0:
        missing.append(f"openvino-genai is not installed for {python}")
    else:
        try:
            found.append(OpenVino(args, python))
        except RuntimeError as error:
            missing.append(str(error))
    return found, missing


def q8_copy(model, folder):
    """The model with its matrices in Q8_0; made once. Norms and metadata as they are."""
    import gguf
    from gguf.quants import dequantize, quantize

    target = folder / (model.stem.rsplit(".", 1)[0] + ".Q8_0.gguf")
    if target.exists():
        return target
    reader = gguf.GGUFReader(model)
    kind = gguf.GGMLQuantizationType.Q8_0
    part = target.with_suffix(".part")
    writer = gguf.GGUFWriter(part, reader.get_field("general.architecture").contents())
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        value = int(gguf.LlamaFileType.MOSTLY_Q8_0) if field.name == "general.file_type" else field.contents()
        sub_type = field.types[1] if len(field.types) > 1 else None
        writer.add_key_value(field.name, value, field.types[0], sub_type=sub_type)
    for tensor in reader.tensors:
        if len(tensor.shape) < 2:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        else:
            writer.add_tensor(tensor.name, quantize(dequantize(tensor.data, tensor.tensor_type), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.rename(target)
    return target


def measure_all(engines, repeat):
    """{quantity: {engine: [tokens per second of each run]}}"""
    results = {}
    for r in range(repeat):
        for engine in list(engines):
            begin = time.time()
            try:
                for name, quantity, speed in engine.measure():
                    results.setdefault(quantity, {}).setdefault(name, []).append(speed)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                print(f"left out from now on: {error}", file=sys.stderr)
                engines.remove(engine)
            print(f"run {r + 1} of {repeat}: {type(engine).__name__}, {time.time() - begin:.0f} s", file=sys.stderr)
    return results


def table(results):
    for (what, depth, batch), speeds in sorted(results.items(), key=lambda item: (item[0][0] != "prefill", item[0][2], item[0][1])):
        words = f"prefill of {depth} tokens" if what == "prefill" else f"decode at depth {depth}, {batch} together"
        medians = {name: statistics.median(runs) for name, runs in speeds.items()}
        peers = {name: m for name, m in medians.items() if not name.startswith("leankv")}
        best = max(peers, key=peers.get) if peers else None
        yield f"\n{words}" + (f"; best peer: {best}" if best else "")
        for name, median in sorted(medians.items(), key=lambda item: -item[1]):
            ratio = f"{median / peers[best]:7.2f} x" if best else ""
            yield f"  {name:28}{median:10.1f} tok/s  ({min(speeds[name]):.1f}-{max(speeds[name]):.1f}){ratio}"


def to_json(results):
    return [{"engine": name, "what": what, "depth": depth, "batch": batch, "tok_s": statistics.median(runs), "runs": runs}
            for (what, depth, batch), speeds in results.items() for name, runs in speeds.items()]


def numbers(text):
    return [int(t) for t in text.split(",") if t]


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    cache = pathlib.Path(os.environ.get("LEANKV_CACHE", pathlib.Path.home() / ".cache" / "leankv"))
    p.add_argument("--model", type=pathlib.Path, default=cache / "SmolLM2-135M-Instruct.Q4_1.gguf")
    p.add_argument("--q8", action="store_true", help="measure a Q8_0 copy of the model, made beside it")
    p.add_argument("--leankv", default=ROOT / "build" / "release" / "src" / "app" / "leankv")
    p.add_argument("--kv", default="off,safe,small")
    p.add_argument("--activations", default="int8,exact")
    p.add_argument("--cache-types", default="f16,q8_0", help="of the llama.cpp family")
    p.add_argument("--openvino-python", help="a Python that has openvino-genai")
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--prompts", type=numbers, default=[512, 4096], help="tokens of prompts (512,4096)")
    p.add_argument("--depths", type=numbers, default=[0, 4096, 7680], help="tokens in the cache in decode (0,4096,7680)")
    p.add_argument("--batch", type=lambda t: [tuple(map(int, b.split("x"))) for b in t.split(",")], default=[],
                   help="sequences by depth that decode together: 16x2048")
    p.add_argument("--repeat", type=int, default=5)
    p.add_argument("--timeout", type=float, default=900, help="seconds of one command")
    p.add_argument("--json", type=pathlib.Path)
    p.add_argument("--scratch", type=pathlib.Path, default=pathlib.Path("/tmp/leankv-peers"))
    return p.parse_args()


def main():
    args = arguments()
    args.scratch.mkdir(parents=True, exist_ok=True)
    if not shutil.which(args.leankv):
        sys.exit(f"{args.leankv}: no such program; build it or give --leankv")
    if args.q8:
        args.model = q8_copy(args.model, args.model.parent)
    engines, missing = peers_of(args)
    for line in missing:
        print(f"not measured: {line}")
    ours = [LeanKv(args, a) for a in args.activations.split(",")]
    results = measure_all(ours + engines, args.repeat)
    print(f"model {args.model.name}, {args.threads} threads, median (range) of {args.repeat} runs in turn", *table(results), sep="\n")
    if args.json:
        args.json.write_text(json.dumps(to_json(results), indent=2) + "\n")


if __name__ == "__main__":
    main()
