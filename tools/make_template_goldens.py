#!/usr/bin/env python3
"""Writes tests/golden/chat_template: what jinja2 (3.1.6), set up as transformers does, makes of templates and contexts.

    tools/make_template_goldens.py [MODEL.gguf]

families.json: templates in the style of the families, written for these tests, times chats.
language.json: one small template per construct.
model.json: the default model's own template times chats; written only when its file is given.
"""
import json
import pathlib
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from template_families import CHATS, FAMILIES
from template_language import DATA, FAILING, LANGUAGE

GOLDEN = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/chat_template"


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_keep"), [], [], body).set_lineno(line)

    def _keep(self, caller):
        return caller()


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: form
    return env


def rendered(source, context):
    try:
        return dict(text=environment().from_string(source).render(**context))
    except Exception as e:  # which class depends on the fault: TemplateError, TypeError, ...
        return dict(error=str(e))


def family_cases(templates):
    rows = []
    for family, source in templates.items():
        for name, chat in CHATS.items():
            context = dict(bos_token="<s>", eos_token="</s>", tools=None, documents=None, **{k: v for k, v in chat.items() if k != "tools"})
            context["tools"] = chat.get("tools")
            rows.append(dict(name=f"{family}, {name}", template=family, context=context, **rendered(source, context)))
    return dict(templates=templates, cases=rows)


def write(name, value):
    GOLDEN.mkdir(parents=True, exist_ok=True)
    (GOLDEN / name).write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main():
    write("families.json", family_cases(FAMILIES))
    rows = []
    for source in LANGUAGE:
        result = rendered(source, DATA)
        assert "text" in result, (source, result)
        rows.append(dict(source=source, **result))
    failing = []
    for source, part in FAILING:
        assert "error" in rendered(source, DATA), source
        failing.append(dict(source=source, message=part))
    write("language.json", dict(context=DATA, cases=rows, failing=failing))
    if len(sys.argv) > 1:
        import gguf
        source = gguf.GGUFReader(sys.argv[1]).fields["tokenizer.chat_template"].contents()
        write("model.json", family_cases({"model": source}))


if __name__ == "__main__":
    main()
