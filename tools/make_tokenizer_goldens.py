#!/usr/bin/env python3
"""Writes tests/golden/tokenizer: token ids of the `tokenizers` package (0.23.3).

    tools/make_tokenizer_goldens.py [MODEL.gguf]

Needs: pip install tokenizers==0.23.3 sentencepiece gguf
small.json: a vocabulary of about 1,200 tokens, trained here, and the ids of the cases under every pre-tokeniser.
model.json: ids of the same cases with the vocabulary of the default model; written only when its file is given.
sentencepiece.gguf, sentencepiece.json: a SentencePiece vocabulary as Llama 2's, trained here, and ids of the
`sentencepiece` package; text between special tokens is encoded by itself, as Llama 2's own code does turns.
"""
import io
import json
import pathlib
import re
import sys

import gguf
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/tokenizer"
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|im_end|>x"]

CORPUS = [
    "The engine keeps the keys and values of every token that it has read, and the memory they need grows with the text.",
    "A page holds a few tokens of one head; pages that are not needed any more go back to the pool they were taken from.",
    "It's what they're used to: we've seen it, you'd said so, I'll check, don't wait. IT'S WHAT THEY'RE USED TO.",
    "In 2024 the price rose by 12.5 % from 1,088 to 1,224; call 555-0199 before 10:30.",
    "for (int i = 0; i < n; ++i) {\n    total += values[i];\n\tif (total > limit) return -1;\n}\n\n\nreturn total;\r\n",
    "def area(radius):\n    return 3.14159 * radius ** 2\n\n# the end\n",
    "Der Bär läuft über die Straße. Où est l'élève ? ¿Dónde está el niño? Żółw i łódź.",
    "Съешь же ещё этих мягких французских булок. Η γλώσσα. नमस्ते दुनिया। مرحبا بالعالم. שלום",
    "今日は天気がいいですね。东京和北京。한국어 문장입니다. 😀 👍🏽 👩‍👩‍👧 🇩🇪",
] * 4

CASES = [
    "",
    " ",
    "Hello, world!",
    "The engine keeps every token.",
    "It's, they're, we've, I'm, I'll, you'd, don't; IT'S, THEY'RE, I'LL; it\u2019s 's 'S 'ſ",
    "0 12 345 6789 3.14159 1,000,000 ²³ ½ Ⅻ ٣٤ १२३ ①",
    "x1y22z333 v4.5.6 0x1F4A9",
    "a  b   c    d\t\te \n f\n\n\ng   \n   h    ",
    "   leading",
    "trailing   ",
    "\n",
    "\n\n  \n\t",
    "line one\r\nline two\r\n\r\n  line three\r",
    "space kinds:\u00a0\u1680\u2003\u2028\u2029\u202f\u3000\u0085\u000b\u000c|\u180e|\u200b|\ufeff|\u001c\u001f|",
    "naïve cafe\u0301 Z\u0351\u036b\u0343a\u0308\u0323",
    "Straße, ΣΊΣΥΦΟΣ, İstanbul, ǅ, ﬁn",
    "Привет, мир! Γειά σου Κόσμε",
    "नमस्ते दुनिया क्षत्रिय",
    "مرحبا بالعالم ١٢٣",
    "שָׁלוֹם עוֹלָם",
    "今日は天気がいいですね。东京和北京。",
    "한국어 문장입니다. \u1112\u1161\u11ab",
    "😀 👍🏽 👩‍👩‍👧‍👦 🇩🇪🇫🇷 ❤️ 1️⃣",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛 𒀀 \U000e0001 \U0010fffd \uffff",
    "if (a<=b&&c!=d||!e){return a[i]->f(\"x\\n\");} // #$%^*~`@",
    "https://example.org/a?b=c&d=%20#e  me@example.org",
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    "<|im_end|>x<|im_end|> x<|im_en<|im_end|><|endoftext|>",
    "<|im_start|><|im_start|>",
    "null \x00 bell \x07 escape \x1b delete \x7f",
    "_under_score__ --dash-- ...dots... !!!???",
    "'quoted' \"double\" ''''",
]
LONG = [("a", 1500), (" ", 1500), ("\n", 600), ("7", 600), ("ab ", 500), ("é", 600), ("中", 500), ("!", 900), ("the", 500), (" \n", 400)]
SENTENCES = ["Hello, how are you?", " a", "▁a ▁ b", "the the", "<s>[INST] Hi [/INST]", "<s> [INST] Hi [/INST] ok </s><s>x",
             "</s>\n<|im_start|>user", "x<s>", "\u00e9t\u00e9 Gro\u00dfe \ud55c\uad6d \u6c34"]
INVALID = [
    b"\xff", b"\x80abc", b"abc\xc3", b"abc\xe4\xb8", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"a\xf0\x9f\x98 b \xf0\x9f\x98\x80",
    bytes(range(256)), "é\u4e2d".encode()[1:-1], b"  \xfe  ", b"1\xbf2",
]

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
          r"|\s+(?!\S)|\s+")

QWEN2 = LLAMA3.replace("{1,3}", "")
TEKKEN = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
          r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}"
          r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def byte_level(*before, use_regex=True):
    return pre_tokenizers.Sequence([*before, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=use_regex)])


PRE_TOKENIZERS = {
    "smollm": byte_level(pre_tokenizers.Digits(individual_digits=True)),
    "gpt-2": byte_level(),
    "llama-bpe": byte_level(pre_tokenizers.Split(Regex(LLAMA3), "isolated"), use_regex=False),
    "qwen2": byte_level(pre_tokenizers.Split(Regex(QWEN2), "isolated"), use_regex=False),
    "deepseek-r1-qwen": byte_level(pre_tokenizers.Split(Regex(QWEN2), "isolated"), use_regex=False),
    "tekken": byte_level(pre_tokenizers.Split(Regex(TEKKEN), "isolated"), use_regex=False),
}
PREFERS_WHOLE_TOKENS = {"llama-bpe", "tekken"}
COMPOSES = {"qwen2"}


def train():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = PRE_TOKENIZERS["gpt-2"]
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=1200, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False))
    state = json.loads(tokenizer.to_str())["model"]
    tokens = sorted(state["vocab"], key=state["vocab"].get)
    return tokens, [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in state["merges"]]


class Oracle:
    def __init__(self, tokens, merges, specials, pre):
        self.plain = self.make(tokens, merges, pre)
        self.special = self.make(tokens, merges, pre)
        self.special.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in specials])

    @staticmethod
    def make(tokens, merges, pre):
        tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges,
                                         ignore_merges=pre in PREFERS_WHOLE_TOKENS))
        if pre in COMPOSES:
            tokenizer.normalizer = normalizers.NFC()
        tokenizer.pre_tokenizer = PRE_TOKENIZERS[pre]
        return tokenizer

    def ids(self, text, special):
        return (self.special if special else self.plain).encode(text, add_special_tokens=False).ids

    def ids_of_bytes(self, data):
        """Valid stretches as the package does them; every other byte (a lone surrogate here) by itself."""
        alphabet = byte_alphabet()
        ids = []
        for part in re.findall("[\udc80-\udcff]|[^\udc80-\udcff]+", data.decode("utf-8", "surrogateescape")):
            if "\udc80" <= part <= "\udcff":
                token = self.plain.token_to_id(alphabet[ord(part) - 0xDC00])
                ids += [] if token is None else [token]
            else:
                ids += self.ids(part, False)
        return ids


def byte_alphabet():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    spare = iter(range(256, 512))
    return [chr(b) if b in printable else chr(next(spare)) for b in range(256)]


def cases(oracle):
    rows = [dict(text=t, ids=oracle.ids(t, False), special_ids=oracle.ids(t, True)) for t in CASES]
    rows += [dict(text=t, times=n, ids=oracle.ids(t * n, False), special_ids=oracle.ids(t * n, True)) for t, n in LONG]
    return rows + [dict(hex=b.hex(), ids=oracle.ids_of_bytes(b)) for b in INVALID]


class SentencePieceOracle:
    """Llama 2's settings on a smaller vocabulary; the special tokens are added as its fine-tunes add theirs."""

    def __init__(self):
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(line for text in CORPUS for line in text.split("\n") if line), model_writer=model,
            model_type="bpe", vocab_size=900, character_coverage=0.995, byte_fallback=True, split_digits=True,
            normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=True,
            allow_whitespace_only_pieces=True, user_defined_symbols=[], num_threads=1, minloglevel=2)
        self.model = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
        self.specials = {"<s>": 1, "</s>": 2} | {s: self.model.get_piece_size() + i for i, s in enumerate(SPECIALS)}

    def ids(self, text, special):
        if not special:
            return self.model.encode(text)
        names = "|".join(map(re.escape, sorted(self.specials, key=len, reverse=True)))
        ids = []
        for part in re.split(f"({names})", text):
            ids += [self.specials[part]] if part in self.specials else self.model.encode(part)
        return ids

    def write_vocabulary(self, path):
        m, writer = self.model, gguf.GGUFWriter(path, "llama")
        size = m.get_piece_size()
        kind = lambda i: (gguf.TokenType.UNKNOWN if m.is_unknown(i) else gguf.TokenType.CONTROL if m.is_control(i)
                          else gguf.TokenType.BYTE if m.is_byte(i) else gguf.TokenType.NORMAL)
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_list([m.id_to_piece(i) for i in range(size)] + SPECIALS)
        writer.add_token_scores([m.get_score(i) for i in range(size)] + [-1000.0] * len(SPECIALS))
        writer.add_token_types([kind(i) for i in range(size)] + [gguf.TokenType.CONTROL] * len(SPECIALS))
        writer.add_bos_token_id(m.bos_id())
        writer.add_eos_token_id(m.eos_id())
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.close()


def sentencepiece_cases(oracle):
    texts = [(t, 1) for t in CASES + SENTENCES if "\x00" not in t] + LONG
    return [dict(text=t, times=n, ids=oracle.ids(t * n, False), special_ids=oracle.ids(t * n, True)) for t, n in texts]


def write(name, value):
    GOLDEN.mkdir(parents=True, exist_ok=True)
    rows = ",\n".join(json.dumps(k) + ":" + json.dumps(v, ensure_ascii=False, separators=(",", ":")) for k, v in value.items())
    (GOLDEN / name).write_text("{" + rows + "}\n", encoding="utf-8")


def main():
    tokens, merges = train()
    size = len(tokens)
    result = dict(tokens=tokens + SPECIALS, types=[1] * size + [3] * len(SPECIALS), merges=[" ".join(m) for m in merges])
    for pre in PRE_TOKENIZERS:
        result[pre] = cases(Oracle(tokens, merges, SPECIALS, pre))
    write("small.json", result)
    oracle = SentencePieceOracle()
    oracle.write_vocabulary(GOLDEN / "sentencepiece.gguf")
    write("sentencepiece.json", dict(cases=sentencepiece_cases(oracle)))
    if len(sys.argv) > 1:
        fields = gguf.GGUFReader(sys.argv[1]).fields
        tokens = fields["tokenizer.ggml.tokens"].contents()
        types = fields["tokenizer.ggml.token_type"].contents()
        merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
        specials = [t for t, kind in zip(tokens, types) if kind == 3]
        write("model.json", dict(smollm=cases(Oracle(tokens, merges, specials, "smollm"))))


if __name__ == "__main__":
    main()
