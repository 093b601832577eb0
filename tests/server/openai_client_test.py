#!/usr/bin/env python3
"""The official OpenAI client, and the usual calls of llama-server's and vLLM's clients, against the program.

    openai_client_test.py PROGRAM

Needs the package openai and a model (LEANKV_MODEL, else the default one); exits 77, saying why, where either is missing.
"""
import json
import ssl
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

from python_environment import MODEL, need_model, need_package
from running_server import RunningServer

need_package("openai")
import openai

KEY = "a key"
QUESTION = [{"role": "user", "content": "What is the capital of France? Answer in one word."}]
WEATHER = {"type": "function",
           "function": {"name": "get_weather", "description": "The weather of a city",
                        "parameters": {"type": "object", "required": ["city", "unit"],
                                       "properties": {"city": {"type": "string", "maxLength": 20},
                                                      "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}}}}}
PERSON = {"type": "object", "required": ["name", "age"], "additionalProperties": False,
          "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "minimum": 0, "maximum": 120}}}


def start_server(*more):
    return RunningServer("--api-key", KEY, "-np", "8", "-c", "2048", "--alias", "smol", "--shutdown-timeout", "5", *more)


def setUpModule():
    global server, client
    server = start_server()
    client = openai.OpenAI(base_url=server.address + "/v1", api_key=KEY, max_retries=0, timeout=60)


def tearDownModule():
    server.stop()


def ask(path, body=None, key=KEY):
    """Status and text of a plain request, as curl makes it."""
    request = urllib.request.Request(server.address + path, None if body is None else json.dumps(body).encode(),
                                     {"Content-Type": "application/json"})
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def greedy(**more):
    return dict(model="smol", messages=QUESTION, temperature=0, max_tokens=16, **more)


class Chat(unittest.TestCase):
    def test_answers_and_says_what_it_used(self):
        answer = client.chat.completions.create(**greedy())
        self.assertIn("Paris", answer.choices[0].message.content)
        self.assertIn(answer.choices[0].finish_reason, ("stop", "length"))
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)
        kv = answer.usage.model_extra["kv"]
        self.assertGreater(kv["bytes"], 0)
        self.assertAlmostEqual(kv["ratio"], kv["bytes_16bit"] / kv["bytes"], delta=0.001)
        self.assertGreater(answer.model_extra["timings"]["predicted_n"], 0)

    def test_stream_is_the_same_text(self):
        whole = client.chat.completions.create(**greedy())
        chunks = list(client.chat.completions.create(**greedy(stream=True, stream_options={"include_usage": True})))
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(chunks[-1].choices, [])
        self.assertEqual(chunks[-1].usage.completion_tokens, whole.usage.completion_tokens)
        self.assertEqual([c.choices[0].finish_reason for c in chunks if c.choices][-1], whole.choices[0].finish_reason)

    def test_seed_stop_and_n(self):
        def draw():
            return client.chat.completions.create(model="smol", messages=QUESTION, max_tokens=12, seed=7, n=3, temperature=1.5)
        first = draw()
        self.assertEqual([c.index for c in first.choices], [0, 1, 2])
        self.assertEqual([c.message.content for c in first.choices], [c.message.content for c in draw().choices])
        stopped = client.chat.completions.create(**greedy(stop=["aris"]))
        self.assertTrue(stopped.choices[0].message.content.endswith("P"))
        self.assertEqual(stopped.choices[0].finish_reason, "stop")

    def test_logprobs(self):
        answer = client.chat.completions.create(**greedy(logprobs=True, top_logprobs=3))
        content = answer.choices[0].logprobs.content
        self.assertEqual(len(content), answer.usage.completion_tokens)
        for token in content:
            self.assertEqual(len(token.top_logprobs), 3)
            self.assertEqual(token.token, token.top_logprobs[0].token)  # greedy takes the best
            self.assertLessEqual(token.logprob, 0)

    def test_logit_bias_forbids_a_token(self):
        paris = json.loads(ask("/tokenize", {"content": "Paris"})[1])["tokens"]
        self.assertEqual(len(paris), 1)
        answer = client.chat.completions.create(**greedy(logit_bias={str(paris[0]): -100}))
        self.assertNotIn("Paris", answer.choices[0].message.content.split())

    def test_cache_of_one_request(self):
        def kv(choice):
            return client.chat.completions.create(**greedy(extra_body={"kv": choice})).usage.model_extra["kv"]
        self.assertTrue(kv({"off": True})["policy"].startswith("off"))
        self.assertIn("ratio=5", kv({"ratio": 5})["policy"])
        self.assertEqual(kv("balanced")["policy"], kv({"preset": "balanced", "pin": "none"})["policy"])


class Tools(unittest.TestCase):
    def ask(self, **more):
        return client.chat.completions.create(
            model="smol", messages=[{"role": "user", "content": "How warm is it in Paris?"}], tools=[WEATHER],
            temperature=0, max_tokens=200, **more)

    def check(self, calls):
        self.assertGreaterEqual(len(calls), 1)
        self.assertEqual(calls[0].function.name, "get_weather")
        arguments = json.loads(calls[0].function.arguments)
        self.assertEqual(set(arguments), {"city", "unit"})
        self.assertIn(arguments["unit"], ("celsius", "fahrenheit"))

    def test_required_call_keeps_to_its_schema(self):
        answer = self.ask(tool_choice="required", parallel_tool_calls=False)
        self.check(answer.choices[0].message.tool_calls)
        self.assertEqual(answer.choices[0].finish_reason, "tool_calls")

    def test_named_call_in_a_stream(self):
        chunks = self.ask(tool_choice={"type": "function", "function": {"name": "get_weather"}}, stream=True)
        calls, reasons = [], []
        for chunk in chunks:
            calls += chunk.choices[0].delta.tool_calls or []
            reasons.append(chunk.choices[0].finish_reason)
        self.check(calls)
        self.assertEqual(reasons[-1], "tool_calls")

    def test_result_goes_back(self):
        call = self.ask(tool_choice="required", parallel_tool_calls=False).choices[0].message
        answer = client.chat.completions.create(
            model="smol", temperature=0, max_tokens=16, tools=[WEATHER],
            messages=[{"role": "user", "content": "How warm is it in Paris?"}, call.model_dump(exclude_none=True),
                      {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": "21 degrees"}])
        self.assertEqual(answer.object, "chat.completion")


class Forms(unittest.TestCase):
    def test_json_schema(self):
        answer = client.chat.completions.create(
            model="smol", messages=[{"role": "user", "content": "Invent a person."}], max_tokens=100, seed=3,
            response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, "strict": True}})
        person = json.loads(answer.choices[0].message.content)
        self.assertEqual(set(person), {"name", "age"})
        self.assertTrue(0 <= person["age"] <= 120)

    def test_json_object_of_llama_server(self):
        status, text = ask("/completion", {"prompt": "A person as JSON:", "json_schema": PERSON, "n_predict": 100, "seed": 1})
        self.assertEqual(status, 200)
        self.assertEqual(set(json.loads(json.loads(text)["content"])), {"name", "age"})

    def test_unsupported_keyword_is_named(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            client.chat.completions.create(**greedy(response_format={
                "type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "number", "multipleOf": 3}}}))
        self.assertIn("multipleOf", caught.exception.message)


class Completions(unittest.TestCase):
    def test_echo_logprobs_and_several_prompts(self):
        answer = client.completions.create(model="smol", prompt=["The sky is", "Grass is"], temperature=0, max_tokens=4,
                                           echo=True, logprobs=2)
        self.assertEqual([c.index for c in answer.choices], [0, 1])
        self.assertTrue(answer.choices[0].text.startswith("The sky is"))
        logprobs = answer.choices[0].logprobs
        self.assertIsNone(logprobs.token_logprobs[0])
        self.assertEqual("".join(logprobs.tokens), answer.choices[0].text)
        self.assertEqual(len(logprobs.tokens), len(logprobs.top_logprobs))

    def test_tokens_are_a_prompt(self):
        tokens = json.loads(ask("/tokenize", {"content": "The sky is"})[1])["tokens"]
        by_tokens = client.completions.create(model="smol", prompt=tokens, temperature=0, max_tokens=4)
        by_text = client.completions.create(model="smol", prompt="The sky is", temperature=0, max_tokens=4)
        self.assertEqual(by_tokens.choices[0].text, by_text.choices[0].text)

    def test_llama_server_stream(self):
        status, text = ask("/completion", {"prompt": "The sky is", "n_predict": 4, "temperature": 0, "stream": True})
        events = [json.loads(e[len("data: "):]) for e in text.split("\n\n") if e]
        self.assertEqual(status, 200)
        self.assertTrue(events[-1]["stop"])
        self.assertEqual(events[-1]["stop_type"], "limit")
        self.assertEqual(events[-1]["tokens_predicted"], 4)


class Rest(unittest.TestCase):
    def test_models(self):
        models = client.models.list().data
        self.assertEqual([m.id for m in models], ["smol"])
        self.assertEqual(client.models.retrieve("smol").owned_by, "leankv")

    def test_tokens_there_and_back(self):
        tokens = json.loads(ask("/tokenize", {"content": "Hello, wörld!"})[1])["tokens"]
        self.assertEqual(json.loads(ask("/detokenize", {"tokens": tokens})[1])["content"], "Hello, wörld!")
        vllm = json.loads(ask("/tokenize", {"model": "smol", "messages": QUESTION})[1])
        self.assertEqual(vllm["count"], len(vllm["tokens"]))
        prompt = json.loads(ask("/apply-template", {"messages": QUESTION})[1])["prompt"]
        self.assertTrue(prompt.endswith("<|im_start|>assistant\n"))

    def test_state(self):
        self.assertEqual(ask("/health", key=None), (200, '{"status":"ok"}'))
        self.assertEqual(json.loads(ask("/props")[1])["total_slots"], 8)
        self.assertEqual(len(json.loads(ask("/slots")[1])), 8)
        metrics = ask("/metrics")[1]
        self.assertIn('leankv:prompt_tokens_total{model_name="smol"}', metrics)
        self.assertIn('leankv:time_to_first_token_seconds_bucket{model_name="smol",le="+Inf"}', metrics)

    def test_errors(self):
        with self.assertRaises(openai.AuthenticationError):
            openai.OpenAI(base_url=server.address + "/v1", api_key="wrong", max_retries=0).models.list()
        self.assertEqual(ask("/metrics", key=None)[0], 401)
        with self.assertRaises(openai.BadRequestError) as caught:
            client.chat.completions.create(**greedy(extra_body={"temperature": "hot"}))
        self.assertEqual(caught.exception.param, "temperature")
        with self.assertRaises(openai.BadRequestError) as caught:
            client.completions.create(model="smol", prompt="word " * 3000)
        self.assertEqual(caught.exception.type, "exceed_context_size_error")
        self.assertEqual(caught.exception.body["n_ctx"], 2048)
        with self.assertRaises(openai.NotFoundError):
            client.embeddings.create(model="smol", input="text")

    def test_the_next_turn_finds_the_cache_of_the_one_before(self):
        cached = lambda answer: answer.usage.prompt_tokens_details.cached_tokens
        turns = [{"role": "user", "content": "Name three colours of a flag, in one short sentence."}]
        first = client.chat.completions.create(model="smol", messages=turns, temperature=0, max_tokens=40)
        turns += [{"role": "assistant", "content": first.choices[0].message.content}, {"role": "user", "content": "And one more?"}]
        second = client.chat.completions.create(model="smol", messages=turns, temperature=0, max_tokens=5)
        self.assertEqual(cached(first), 0)
        self.assertEqual(cached(second), first.usage.total_tokens - 1)  # the last token was said, not fed
        whole = client.chat.completions.create(model="smol", messages=turns, temperature=0, max_tokens=5,
                                               extra_body={"cache_prompt": False})
        self.assertEqual(cached(whole), 0)

    def test_client_that_leaves_gives_its_pages_back(self):
        stream = client.chat.completions.create(model="smol", messages=QUESTION, max_tokens=1500, stream=True,
                                                extra_body={"ignore_eos": True})
        next(iter(stream))
        stream.close()
        for _ in range(200):
            if not any(slot["is_processing"] for slot in json.loads(ask("/slots")[1])):
                return
        self.fail("the request runs on")


class SavedSlots(unittest.TestCase):
    def test_a_slot_outlives_the_server(self):
        with tempfile.TemporaryDirectory() as folder:
            def answer_of(action, prompt, tokens):
                saving = RunningServer("-np", "2", "-c", "2048", "--slot-save-path", folder)
                try:
                    local = openai.OpenAI(base_url=saving.address + "/v1", api_key="any", max_retries=0, timeout=60)
                    if action == "restore":
                        self.slot(saving, action)
                    answer = local.completions.create(model="any", prompt=prompt, temperature=0, max_tokens=tokens)
                    return answer, self.slot(saving, action) if action == "save" else None
                finally:
                    saving.stop()
            document = " The lamp of the lighthouse was lit at six." * 60
            first, saved = answer_of("save", document, 0)
            self.assertEqual(saved["n_saved"], first.usage.prompt_tokens)
            second, _ = answer_of("restore", document + " At seven the keeper", 8)
            self.assertEqual(second.usage.prompt_tokens_details.cached_tokens, first.usage.prompt_tokens)

    def slot(self, saving, action):
        request = urllib.request.Request(saving.address + f"/slots/0?action={action}", b'{"filename": "document.bin"}',
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())


class Tls(unittest.TestCase):
    def test_https(self):
        with tempfile.TemporaryDirectory() as folder:
            key, certificate = f"{folder}/key.pem", f"{folder}/certificate.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", certificate,
                            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
                           check=True, capture_output=True)
            secure = start_server("--ssl-key-file", key, "--ssl-cert-file", certificate)
            try:
                self.assertTrue(secure.address.startswith("https://"))
                context = ssl.create_default_context(cafile=certificate)
                with urllib.request.urlopen(secure.address + "/health", context=context, timeout=20) as answer:
                    self.assertEqual(answer.status, 200)
            finally:
                secure.stop()


if __name__ == "__main__":
    need_model()
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
