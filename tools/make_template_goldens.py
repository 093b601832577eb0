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


TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "description": "Weather \u2014 \"now\" & <here>", "parameters": {
        "type": "object", "properties": {"city": {"type": "string", "description": "Which city?"},
                                         "days": {"type": "integer", "default": 3, "minimum": 1.5}},
        "required": ["city"]}}},
    {"type": "function", "function": {"name": "noop", "description": "", "parameters": {"type": "object", "properties": {}}}},
]
CALL = {"type": "function", "function": {"name": "get_weather", "arguments": {"city": "Köln", "days": 2, "metric": True, "x": None}}}
CHATS = {
    "one": dict(messages=[{"role": "user", "content": "Hi there"}], add_generation_prompt=True),
    "system": dict(messages=[{"role": "system", "content": "Be brief. "}, {"role": "user", "content": " What's 2+2?\n"},
                             {"role": "assistant", "content": "4"}, {"role": "user", "content": "Why? 😀"}], add_generation_prompt=True),
    "closed": dict(messages=[{"role": "user", "content": "a\n\nb"}, {"role": "assistant", "content": "  c  "}], add_generation_prompt=False),
    "empty": dict(messages=[], add_generation_prompt=True),
    "tools": dict(messages=[{"role": "system", "content": "Use tools."}, {"role": "user", "content": "Weather in Köln?"},
                            {"role": "assistant", "content": None, "tool_calls": [CALL]},
                            {"role": "tool", "name": "get_weather", "content": "{\"temp\": 7.5}"},
                            {"role": "tool", "name": "get_weather", "content": "[1, 2]"},
                            {"role": "assistant", "content": "7.5 degrees"}, {"role": "user", "content": "Thanks"}],
                  tools=TOOLS, add_generation_prompt=True),
    "parts": dict(messages=[{"role": "user", "content": [{"type": "text", "text": "Look: "}, {"type": "image"}, {"type": "text", "text": "ok?"}]}],
                  add_generation_prompt=True),
    "thinking": dict(messages=[{"role": "user", "content": "Q"}, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nA"},
                               {"role": "user", "content": "R"}], add_generation_prompt=True, enable_thinking=False),
    "wrong order": dict(messages=[{"role": "assistant", "content": "first"}, {"role": "user", "content": "second"}], add_generation_prompt=False),
}

CHATML = """\
{%- if messages and messages[0].role == 'system' -%}
    {%- set system, rest = messages[0].content, messages[1:] -%}
{%- else -%}
    {%- set system = 'You help.' -%}
    {%- set rest = messages -%}
{%- endif -%}
{{- '<|im_start|>system\\n' ~ system -}}
{%- if tools %}
    {{- "\\n\\n# Tools\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools>" }}
{%- endif %}
{{- '<|im_end|>\\n' }}
{%- set ns = namespace(last_query=-1, open=false) %}
{%- for message in rest[::-1] %}
    {%- set index = (rest|length - 1) - loop.index0 %}
    {%- if ns.last_query < 0 and message.role == "user" %}{% set ns.last_query = index %}{% endif %}
{%- endfor %}
{%- for message in rest %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- elif message.content is iterable and message.content is not mapping %}
        {%- set content = message.content | selectattr('type', 'equalto', 'text') | map(attribute='text') | join('') %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if message.role == "tool" %}
        {%- if loop.first or rest[loop.index0 - 1].role != "tool" %}
            {{- '<|im_start|>user' }}
        {%- endif %}
        {{- '\\n<tool_response>\\n' + content + '\\n</tool_response>' }}
        {%- if loop.last or loop.nextitem.role != "tool" %}
            {{- '<|im_end|>\\n' }}
        {%- endif %}
    {%- elif message.role == "assistant" %}
        {%- if '</think>' in content and loop.index0 < ns.last_query %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {{- '<|im_start|>assistant\\n' + content }}
        {%- for call in message.tool_calls or [] %}
            {%- if call.function %}{% set call = call.function %}{% endif %}
            {{- '\\n<tool_call>\\n{"name": "' + call.name + '", "arguments": ' }}
            {{- call.arguments if call.arguments is string else call.arguments | tojson }}
            {{- '}\\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
"""

HEADERS = """\
{{- bos_token }}
{%- if custom_tools is defined %}{% set tools = custom_tools %}{% endif %}
{%- if not date_string is defined %}
    {%- if strftime_now is defined %}{% set date_string = "a day" %}{% else %}{% set date_string = "26 Jul 2024" %}{% endif %}
{%- endif %}
{%- if not tools is defined %}{% set tools = none %}{% endif %}
{#- The system message comes first, #}
{%- if messages and messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|start_header_id|>system<|end_header_id|>\\n\\n" }}
{%- if tools is not none %}
    {{- "Environment: ipython\\n" }}
{%- endif %}
{{- "Today: " + date_string + "\\n\\n" }}
{{- system_message }}
{{- "<|eot_id|>" }}
{%- if tools is not none and messages %}
    {%- set first = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
    {{- '<|start_header_id|>user<|end_header_id|>\\n\\n' -}}
    {%- for t in tools %}
        {{- t | tojson(indent=4) }}
        {{- "\\n\\n" }}
    {%- endfor %}
    {{- first + "<|eot_id|>" }}
{%- endif %}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}
            {{- raise_exception("one call at a time") }}
        {%- endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' -}}
        {{- call.name + ".call(" }}
        {%- for name, value in call.arguments | items %}
            {{- name + '="' ~ value ~ '"' }}
            {%- if not loop.last %}{{ ", " }}{% endif %}
        {%- endfor %}
        {{- ")" }}{{ "<|eot_id|>" }}
    {%- else %}
        {{- "<|start_header_id|>ipython<|end_header_id|>\\n\\n" }}
        {%- if message.content is mapping or message.content is iterable %}
            {{- message.content | tojson }}
        {%- else %}
            {{- message.content }}
        {%- endif %}
        {{- "<|eot_id|>" }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}
{%- endif %}
"""

INST = """\
{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set user_messages = loop_messages | selectattr("role", "equalto", "user") | list %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- if (message["role"] == "user") != (ns.index % 2 == 0) %}
            {{- raise_exception("roles must alternate") }}
        {%- endif %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if tools is defined and tools is not none and (message == user_messages[-1]) %}
            {{- "[AVAILABLE_TOOLS] [" }}
            {%- for tool in tools %}
                {%- set tool = tool.function %}
                {{- '{"type": "function", "function": {' }}
                {%- for key, val in tool.items() if key != "return" %}
                    {%- if val is string %}
                        {{- '"' + key + '": "' + val + '"' }}
                    {%- else %}
                        {{- '"' + key + '": ' + val|tojson }}
                    {%- endif %}
                    {%- if not loop.last %}
                        {{- ", " }}
                    {%- endif %}
                {%- endfor %}
                {{- "}}" }}
                {%- if not loop.last %}{{- ", " }}{%- else %}{{- "]" }}{%- endif %}
            {%- endfor %}
            {{- "[/AVAILABLE_TOOLS]" }}
        {%- endif %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message.tool_calls is defined and message.tool_calls is not none %}
        {{- "[TOOL_CALLS] " ~ message.tool_calls|map(attribute="function")|list|tojson ~ eos_token }}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token}}
    {%- elif message["role"] in ["tool", "tool_results"] %}
        {{- '[TOOL_RESULTS] {"content": ' + message.content|string + "}[/TOOL_RESULTS]" }}
    {%- endif %}
{%- endfor %}
"""

TAGS = """\
{% for message in messages %}{% if message['role'] == 'system' %}{{'<|system|>\\n' + message['content'] + '<|end|>\\n'}}\
{% elif message['role'] == 'user' %}{{'<|user|>\\n' + message['content'] + '<|end|>\\n'}}\
{% elif message['role'] == 'assistant' %}{{'<|assistant|>\\n'}}{% generation %}{{ message['content'] + '<|end|>\\n'}}{% endgeneration %}{% endif %}{% endfor %}
{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}
"""

TURNS = """\
{{ bos_token }}
{%- macro text_of(content) -%}
    {%- if content is string -%}
        {{ content | trim }}
    {%- elif content is iterable -%}
        {%- for item in content -%}
            {%- if item['type'] == 'image' -%}
                {{ '<start_of_image>' }}
            {%- elif item['type'] == 'text' -%}
                {{ item['text'] | trim }}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro -%}
{%- if messages and messages[0]['role'] == 'system' -%}
    {%- set first_user_prefix = messages[0]['content'] + '\\n\\n' -%}
    {%- set loop_messages = messages[1:] -%}
{%- else -%}
    {%- set first_user_prefix = "" -%}
    {%- set loop_messages = messages -%}
{%- endif -%}
{%- for message in loop_messages if message.role in ('user', 'assistant', 'model') and message.content -%}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) -%}
        {{ raise_exception("Conversation roles must alternate user/assistant/user/assistant/...") }}
    {%- endif -%}
    {%- set role = "model" if message['role'] == 'assistant' else message['role'] -%}
    {{ '<start_of_turn>' + role + '\\n' + (first_user_prefix if loop.first else "") }}
    {{- text_of(message['content']) }}
    {{ '<end_of_turn>\\n' }}
{%- else -%}
    nothing to say
{%- endfor -%}
{%- if add_generation_prompt -%}
    {{'<start_of_turn>model\\n'}}
{%- endif -%}
"""

FAMILIES = {"chatml": CHATML, "headers": HEADERS, "inst": INST, "tags": TAGS, "turns": TURNS}

DATA = {"s": "Straße ÉTÉ naïve", "n": 7, "f": 2.5, "big": 1e16, "small": 1.5e-5, "neg": -7, "t": True, "none": None, "xs": [3, 1, 2],
        "names": ["b", "a"], "d": {"k": "v", "items": 1, "nested": {"list": [1, {"a": None}], "q": "it's \"q\"\n\\"}}, "empty": [],
        "people": [{"name": "Ann", "age": 3, "tags": ["x"]}, {"name": "Bob", "age": 5}, {"name": "Cy", "age": 3, "on": True}],
        "ws": " \t\n x \u3000\u00a0", "cjk": "中文字", "mixed": [1, 2.0, "a", None, True, [], {}, ["b'c", 'd"e']], "html": "<a href='x'>&</a>"}

LANGUAGE = r"""
a{% if t %}b{% endif %}c
a {%- if t -%} b {%- endif -%} c
---
  {% if t %}
    x
  {% endif %}
y
---
  {%+ if t %}
x
  {%+ endif +%}
y
---
{# a comment #}
x {#- another -#}   y
  {# lone #}
z
---
{{ s }}
{{- n }}   {{ f -}}
   .
---
{{ [n, f, big, small, neg, 1.0, 100.0, 1e100, 123456789.125, 0.0001] }}
---
{{ mixed }} {{ d }} {{ (1,) }} {{ () }} {{ (1, 2) }} {{ {} }} {{ {'a': 1, "b": [2]} }}
---
{{ mixed|tojson }} {{ d|tojson }} {{ html|tojson }} {{ s|tojson }} {{ ws|tojson }}
---
{{ d|tojson(indent=2) }}{{ []|tojson(2) }}{{ people|tojson(indent=1) }}
---
{{ 1 + 2 * 3 - 4 }} {{ 7 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 2 * 'ab' }} {{ [1] * 2 }} {{ 4 / 2 }}
---
{{ 'a' ~ 1 ~ none ~ 2.0 ~ true ~ [1] ~ missing }} {{ 1 ~ 2 + '3' }}
---
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ 'a' < 'b' }} {{ t == 1 }} {{ none == none }} {{ [1, 2] == [1, 2.0] }} {{ (1,) == [1] }} {{ {'a': 1} == {'a': 1} }} {{ 'a' != 'b' }} {{ 2 >= 2 }} {{ 3 <= 2 }}
---
{{ 'a' in 'bab' }} {{ 'k' in d }} {{ 3 in xs }} {{ 4 not in xs }} {{ not 3 in xs }} {{ 'x' in missing }} {{ 1 in (1, 2) }}
---
{{ 0 or 'x' }} {{ '' and 'y' }} {{ [] or {} }} {{ 1 and 2 }} {{ not 0 }} {{ not missing }} {{ t and not none or 5 }}
---
{{ 'yes' if t else 'no' }} {{ 'yes' if none }} {{ 'a' if none else 'b' if none else 'c' }}
---
{{ missing }} {{ d.missing }} {{ xs[10] }} {{ xs[-1] }} {{ xs[-10] }} {{ cjk[1] }} {{ cjk[-1] }} {{ s[99] }} {{ d['k'] }} {{ d.nested.list[1].a }} {{ none.x }} {{ n.x }} {{ xs.0 }}
---
{{ xs[1:] }} {{ xs[:-1] }} {{ xs[::-1] }} {{ xs[5:] }} {{ xs[-2:] }} {{ xs[::2] }} {{ cjk[1:] }} {{ s[::-1] }} {{ s[2:-2:3] }} {{ cjk[:2] }} {{ xs[2:0:-1] }} {{ xs[-9:9] }} {{ xs[none:2] }}
---
{% for x in xs %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.depth }}{{ loop.cycle('o', 'e') }};{% endfor %}
---
{% for x in empty %}{{ x }}{% else %}none{% endfor %} {% for x in missing %}x{% else %}undefined{% endfor %}
---
{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %} {% for k in d %}{{ k }}{% endfor %} {% for c in cjk %}[{{ c }}]{% endfor %} {% for (a, b) in [(1, 2), [3, 4]] %}{{ a + b }} {% endfor %}
---
{% for p in people if p.age == 3 %}{{ p.name }}{{ loop.index }}/{{ loop.length }} {% endfor %} {% for x in 1, 2 %}{{ x }}{% endfor %}
---
{% for i in range(3) %}{% for j in range(1, 6, 2) %}{% if j == 5 %}{% break %}{% endif %}{% if i == 1 %}{% continue %}{% endif %}{{ i }}{{ j }} {% endfor %}{% endfor %} {{ range(5, 0, -2)|list }}
---
{% set x = 1 %}{% for i in xs %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }} {% if t %}{% set x = 9 %}{% endif %}{{ x }}
---
{% set ns = namespace(a=1, b=[]) %}{% for i in xs %}{% set ns.a = ns.a + i %}{% set ns.b = ns.b + [i] %}{% endfor %}{{ ns.a }} {{ ns.b }} {{ ns.c }} {{ namespace({'z': 5}, y=6).z }}
---
{% set a, b = 1, 'two' %}{{ a }}{{ b }} {% set t3 = 1, 2 %}{{ t3 }}
---
{% set block %}  text {{ n }}
  {% set hidden = 3 %}{% endset %}[{{ block }}]{{ hidden }} {% set up | trim | upper %} shout {% endset %}[{{ up }}]
---
{% macro hi(name, mark='!', n=2) %}{{ name }}{{ mark * n }}{% endmacro %}{{ hi('a') }} {{ hi('b', '?') }} {{ hi(name='c', n=1) }} {{ hi() }} {{ hi(hi('d')) }}
---
{% macro box(w) %}<{{ w }}:{{ caller() }}>{% endmacro %}{% call box(3) %}in {{ n }}{% endcall %} {% macro each(xs) %}{% for x in xs %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(y) each(xs) %}({{ y }}){% endcall %}
---
{% macro late() %}{{ later }}{% endmacro %}{% set later = 'seen' %}{{ late() }} {% macro rec(k) %}{{ k }}{% if k > 0 %}{{ rec(k - 1) }}{% endif %}{% endmacro %}{{ rec(4) }}
---
{{ ws|trim }}|{{ '--x-'|trim('-') }}|{{ cjk|length }}|{{ d|length }}|{{ s|upper }}|{{ s|lower }}|{{ 'hello wORLD'|title }}|{{ 'hELLO é'|capitalize }}|{{ xs|count }}
---
{{ xs|join(', ') }} {{ people|join('-', attribute='name') }} {{ xs|join }} {{ xs|first }} {{ xs|last }} {{ empty|first }} {{ cjk|first }} {{ cjk|last }}
---
{{ missing|default('d') }} {{ none|default('d') }} {{ ''|default('d', true) }} {{ none|d('e', boolean=True) }} [{{ missing|default }}] {{ 'banana'|replace('a', 'o') }} {{ 'banana'|replace('a', 'o', 2) }} {{ 'abc'|replace('', '-') }}
---
{{ people|selectattr('age', 'equalto', 3)|map(attribute='name')|list }} {{ people|selectattr('on')|list|length }} {{ people|rejectattr('on', 'defined')|map(attribute='name')|join(',') }} {{ xs|select('odd')|list }} {{ xs|reject('gt', 1)|list }} {{ mixed|select|list }} {{ people|selectattr('tags', 'defined')|first }}
---
{{ names|map('upper')|list }} {{ people|map(attribute='tags', default='none')|list }} {{ [' a ', 'b ']|map('trim')|join }} {{ ['a-b']|map('replace', '-', '+')|list }} {{ people[:1]|map(attribute='tags.0')|list }}
---
{{ '42'|int }} {{ 'x'|int }} {{ 'x'|int(5) }} {{ '3.9'|int }} {{ 3.9|int }} {{ -3.9|int }} {{ '2.5'|float }} {{ 'x'|float }} {{ true|int }} {{ ' 7 '|int }} {{ -5|abs }} {{ 1.5|string }} {{ 'abc'|list }} {{ 'abc'|reverse }} {{ xs|reverse|list }}
---
{{ d|items|list }} {{ missing|items|list }} {{ html|safe }} {{ html }} {{ 'a\nb\n\nc'|indent }} {{ 'a\nb'|indent(2, true) }}
---
{{ n is number }} {{ t is number }} {{ t is integer }} {{ n is integer }} {{ f is float }} {{ t is boolean }} {{ t is true }} {{ n is true }} {{ false is false }} {{ none is none }} {{ s is string }} {{ d is mapping }} {{ xs is mapping }} {{ xs is sequence }} {{ s is sequence }} {{ d is sequence }} {{ n is iterable }} {{ s is iterable }} {{ missing is iterable }} {{ missing is defined }} {{ d.k is defined }} {{ missing is undefined }} {{ n is not none }}
---
{{ n is odd }} {{ n is even }} {{ n is divisibleby 7 }} {{ n is divisibleby(2) }} {{ n is eq 7 }} {{ n is equalto(7) }} {{ n is ne 7 }} {{ n is gt 5 }} {{ n is in [7] }} {{ raise_exception is defined }} {{ raise_exception is callable }} {{ 1 if n is defined else 2 }}
---
{{ ' ab '.strip() }}|{{ 'xxaxx'.strip('x') }}|{{ 'xxa'.lstrip('x') }}|{{ 'a\n\n'.rstrip('\n') }}|{{ 'a,b,,c'.split(',') }}|{{ ' a  b c '.split() }}|{{ 'a b c'.split(' ', 1) }}|{{ ' a  b c '.split(none, 1) }}|{{ 'abc'.startswith('ab') }}|{{ 'abc'.endswith(('x', 'c')) }}|{{ s.upper() }}|{{ 'they\'re o\'k'.title() }}|{{ 'aXbX'.replace('X', '-') }}|{{ 'a\nb\r\nc\n'.splitlines() }}|{{ '-'.join(names) }}|{{ '中文'.find('文') }}|{{ 'a'.find('b') }}|{{ 'hELLO'.capitalize() }}
---
{{ d.get('k') }} {{ d.get('zz') }} {{ d.get('zz', 'dflt') }} {{ d.keys()|list }} {{ d.values()|list|length }} {{ d['items'] }} {{ d.items() | length }} {{ d.items is defined }}
---
{{ "double \"quoted\" \u00e9 \x41 \t|" }} {{ 'single' "joined" }} {{ '\d' }} {{ "multi
line" }} {{ "🙂" }}
---
{{ {'a': {'b': [1, {'c': 2}]}}.a.b[1].c }} {{ {'a': {'b': 1}} }} {{ [[1]][0][0] }} {{ ({'k': 'v'}).k }}
---
{{ -n }} {{ +n }} {{ -n|abs }} {{ - 2 * -3 }} {{ not n == 7 }} {{ (1 + 2) * 3 }} {{ 10 - 2 - 3 }} {{ 2 * 3 % 4 }}
---
{{ xs|length > 2 }} {{ xs|length - 1 }} {{ 'a' + 'b'|upper }} {{ ('a' + 'b')|upper }} {{ n ~ '|' ~ f|string }} {{ xs[0]|string + 'x' }} {{ d.k|upper ~ d.k }}
---
{%- set a = 1 -%}

   {{- a -}}

   {%- if a == 1 %}
one
   {%- elif a == 2 %}
two
   {%- else %}
other
   {% endif -%}
end
---
{% if none %}a{% elif 0 %}b{% elif '' %}c{% elif [] %}d{% elif {} %}e{% elif missing %}f{% elif 0.0 %}g{% elif xs|select('gt', 9) %}generator{% else %}h{% endif %}
---
{{ 'a' if missing is defined else 'b' }}{{ n, f }}{% set xs2 = [1, 2,] %}{{ xs2 }}{{ {'a': 1,} }}{{ (1, 2,) }}
---
{{ dict(a=1, b='c') }} {{ dict({'x': 1}, y=2)|tojson }} {{ 'a'.upper().lower()|upper|lower }} {{ s.split(' ')[0].upper()[1:3] }} {% generation %}kept{% set g = 1 %}{% endgeneration %}{{ g }}
""".strip("\n").split("\n---\n")

FAILING = [
    ("{{ missing.x }}", "missing"),
    ("{{ d.a.b }}", "'a' is undefined"),
    ("{{ 'a' + missing }}", "'missing' is undefined"),
    ("{{ 'a' + 1 }}", "\"+\""),
    ("{{ 'a' < 1 }}", "\"<\""),
    ("{{ 1 // 0 }}", "zero"),
    ("x\n{{ raise_exception('no ' ~ n) }}", "no 7"),
    ("{% for x in n %}{% endfor %}", "looped"),
    ("{% for a, b in [1] %}{% endfor %}", "looped"),
    ("{% for a, b in [[1]] %}{% endfor %}", "1 values for 2"),
    ("{{ missing|tojson }}", "undefined"),
    ("{{ 1 in n }}", "\"in\""),
    ("{% set q = 1 %}{{ q() }}", "called"),
    ("{% set d.x = 1 %}", "namespace"),
    ("{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "1 arguments"),
    ("{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", "no parameter b"),
    ("{{ 'abc'|trim(1, 2, 3) }}", "at most 1"),
    ("{{ range(1000000) }}", "limit"),
    ("{{ xs[::0] }}", "step 0"),
    ("{{ ''.split('') }}", "empty"),
    ("{{ xs|map('upper')|list|length }}{{ xs|select('odd')|length }}", "no length"),
]


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
