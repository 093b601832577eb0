"""Chats, and templates in the style of the families, that make_template_goldens.py renders."""

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
    "thought": dict(messages=[{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A", "reasoning_content": "\nhm\n", "tool_calls": [CALL, CALL]},
                              {"role": "user", "content": "<tool_response>\n1\n</tool_response>"}, {"role": "assistant", "content": "\n\n<think>\nso\n</think>\n\nB"}],
                    add_generation_prompt=False),
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

REASONING = """\
{%- macro turn(role, text, ends=true) %}{{ '<|im_start|>' ~ role ~ '\\n' ~ text ~ ('<|im_end|>\\n' if ends else '') }}{% endmacro %}
{%- macro as_call(f) %}{{ '<tool_call>\\n' }}{"name": "{{ f.name }}", "arguments": {{ f.arguments if f.arguments is string else f.arguments | tojson }}{{ '}\\n</tool_call>' }}{% endmacro %}
{%- macro is_question(m) %}{{ m.role == 'user' and m.content is string and not (m.content[:15] == '<tool_response>' and m.content.endswith('</tool_response>')) }}{% endmacro %}
{%- set rules = (messages | selectattr('role', 'equalto', 'system') | list)[:1] if messages[0].role == 'system' else [] %}
{%- set lines = rules | map(attribute='content') | list + (tools or []) | map('tojson') | list %}
{%- if lines %}{{- turn('system', ('' if rules else '\\n') ~ lines | join('\\n')) }}{%- endif %}
{%- set state = namespace(question=messages | length - 1, results=[]) %}
{%- for m in messages %}{%- if is_question(m) == 'True' %}{%- set state.question = loop.index0 %}{%- endif %}{%- endfor %}
{%- for m in messages[rules | length:] %}
    {%- set place = loop.index0 + rules | length %}
    {%- set text = m.content if m.content is string else '' %}
    {%- if m.role == 'tool' %}
        {%- set state.results = state.results + ['<tool_response>\\n' ~ text ~ '\\n</tool_response>'] %}
        {%- if loop.nextitem is not defined or loop.nextitem.role != 'tool' %}
            {{- turn('user', state.results | join('\\n')) }}
            {%- set state.results = [] %}
        {%- endif %}
    {%- elif m.role != 'assistant' %}
        {{- turn(m.role, text) }}
    {%- else %}
        {%- set parts = text.split('</think>') %}
        {%- set said = parts[-1].lstrip('\\n') if parts | length > 1 else text %}
        {%- set thought = m.reasoning_content if m.reasoning_content is string else parts[0].split('<think>')[-1] if parts | length > 1 else '' %}
        {%- if m.reasoning_content is string %}{% set said = text %}{% endif %}
        {%- set shown = place > state.question and (loop.last or thought | trim != '') %}
        {{- turn('assistant', '<think>\\n' ~ thought.strip('\\n') ~ '\\n</think>\\n\\n' ~ said.lstrip('\\n') if shown else said, ends=false) }}
        {%- for call in m.tool_calls or [] %}
            {{- '\\n' if said or not loop.first }}{{ as_call(call.function or call) }}
        {%- endfor %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- turn('assistant', '<think>\\n\\n</think>\\n\\n' if enable_thinking is defined and not enable_thinking else '', ends=false) }}{%- endif %}
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

FAMILIES = {"chatml": CHATML, "reasoning": REASONING, "headers": HEADERS, "inst": INST, "tags": TAGS, "turns": TURNS}
