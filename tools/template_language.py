"""One small template per construct, and those that must fail, for make_template_goldens.py."""

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
