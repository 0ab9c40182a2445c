#!/usr/bin/env python3
"""What transformers renders, for tests/unit/jinja.

make_goldens.py                     writes snippets.jsonl beside this file: pieces of the language
make_goldens.py FOLDER OUT          writes OUT: every *.jinja of FOLDER over several conversations

A line is {"template", "variables", "text"} or, where transformers refuses, {"template", "variables", "error": true}.
"template" is the text itself or, for a FOLDER, the name of the file. Needs transformers and jinja2 3.1.6.
"""
import datetime
import json
import pathlib
import sys

from transformers.utils.chat_template_utils import _compile_jinja_template

SNIPPETS = [
    # white space
    "a\n  {% if true %}\n  b\n  {% endif %}\nc\n", "x  {%- if true -%}  y  {%- endif -%}  z", "{{- 1 -}}  \n b",
    "a {%+ if true +%}\n b{% endif %}", "  {# note #}\nrest", "{% raw %}{{ x }}{% endraw %}\n.", "\n\n", "a\r\nb\rc\n\n",
    "  {%- set x = 1 %}\n{{ x }}\n", "{% for i in [1,2] %}\n  {{ i }}\n{% endfor %}", "{{ '}}' }}{{ {'a': {'b': 1}}['a']['b'] }}",
    # literals and operators
    "{{ 1 + 2 * 3 ** 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 2 ** -1 }}",
    "{{ 1e20 }} {{ 1.5 }} {{ 1e-7 }} {{ 0.1 + 0.2 }} {{ 123456789.0 * 1000 }} {{ 1_000 }}",
    "{{ 'a' ~ 1 ~ none ~ true }} {{ 'a' 'b' }} {{ 'ab' * 2 }} {{ [1] * 2 + [3] }} {{ (1,) }} {{ () }} {{ {'a': [1, 'x', None]} }}",
    "{{ 1 < 2 < 3 }} {{ 3 > 2 == true }} {{ 'a' in 'abc' }} {{ 4 not in [1] }} {{ not 1 in [1] }} {{ 'k' in {'k': 1} }}",
    "{{ 1 if false }}|{{ 1 if true else 2 }}|{{ 1 and 0 or 'x' }}|{{ x.y if x is defined else 'no' }}",
    "{{ 'abcdef'[1:4] }} {{ 'abc'[::-1] }} {{ [1,2,3][-1] }} {{ [1,2,3][:-1] }} {{ 'é日本'[1] }} {{ [1,2,3][5] }}|",
    r"{{ 'a\nb\tc\\d\'e\x41\u00e9\q' }}", "{{ \"it's\" | list }} {{ ['it\\'s', 'say \"x\"', 'a\\nb'] }}", "{{ -2 | abs }} {{ -(2) }} {{ +3 }}",
    "{{ '%s-%d-%.2f-%5s-%-3s|' % ('a', 3, 2.5, 'r', 'l') }} {{ '%s' | format('z') }} {{ '{} {1}'.format(1) if false else '{0}{1}'.format(1, 2) }}",
    "{{ 5 == 5.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ none == false }}",
    # scopes
    "{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}",
    "{% set ns = namespace(n=0, s='') %}{% for i in range(4) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}{{ ns.s }}",
    "{% if true %}{% set y = 3 %}{% endif %}{{ y }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}",
    "{% set t %}  hi {{ 1 }} {% endset %}[{{ t }}]{% set u | trim | upper %} x {% endset %}[{{ u }}]",
    "{% set outer = [] %}{% for a in [[1, 2], [3]] %}{% set l = loop %}{% for b in a %}{{ l.index }}.{{ loop.index }} {% endfor %}{% endfor %}",
    # loops
    "{% for x in [1, 2, 3, 4] if x % 2 == 0 %}{{ loop.index }}/{{ loop.length }}:{{ x }}{{ ',' if not loop.last }}{% else %}none{% endfor %}",
    "{% for x in [] %}a{% else %}b{% endfor %}", "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for x in [1, 2, 3] %}{% if x == 2 %}{% continue %}{% endif %}{{ x }}{% if x == 3 %}{% break %}{% endif %}{% endfor %}",
    "{% for x in 'ab' %}{{ loop.previtem }}<{{ x }}>{{ loop.nextitem }}{{ loop.revindex }}{{ loop.first }}{{ loop.index0 }}{{ loop.cycle('o', 'e') }} {% endfor %}",
    "{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}",
    # macros
    "{% macro f(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(1) }} {{ f(1, c='y') }} {{ f('q', 5) | upper }} {{ f() }}",
    "{% macro r(n) %}{{ n }}{% if n > 0 %}{{ r(n - 1) }}{% endif %}{% endmacro %}{{ r(3) }}",
    "{% macro box(t) %}<{{ t }}>{{ caller('in') }}</{{ t }}>{% endmacro %}{% call(x) box('p') %}{{ x }}!{% endcall %}",
    "{% macro late() %}{{ z }}{% endmacro %}{% set z = 4 %}{{ late() }}", "{% filter upper %}a{{ 'b' }}{% endfilter %}",
    # filters
    "{{ ' x ' | trim }}|{{ 'xxaxx' | trim('x') }}|{{ 'hello wORLD-foo' | title }}|{{ 'hELLO' | capitalize }}|{{ 'aé' | upper }}",
    "{{ {'b': 1, 'a': [1.0, 'é\"', none, true]} | tojson }}|{{ {'a': {'b': []}, 'c': {}} | tojson(indent=2) }}|{{ 'é\\n' | tojson(ensure_ascii=true) }}",
    "{{ {'a': [1, 2]} | tojson(separators=(',', ':')) }}|{{ {'b': 1, 'a': 2} | tojson(sort_keys=true) }}|{{ '<&>' | tojson }}",
    "{{ [3, 1, 2] | sort }} {{ ['b', 'A', 'c'] | sort }} {{ ['b', 'A'] | sort(reverse=true) }} {{ {'b': 1, 'a': 2} | dictsort }} {{ [1, 2, 1] | unique | list }}",
    "{{ [1, 2] | join(', ') }} {{ [{'n': 'a'}, {'n': 'b'}] | join('-', attribute='n') }} {{ 'abc' | join('.') }} {{ [1, 2, 3] | sum }} {{ [1, 5, 2] | max }}",
    "{{ messages | map(attribute='role') | list }} {{ ['a', 'b'] | map('upper') | join }} {{ messages | selectattr('role', 'equalto', 'user') | list | length }}",
    "{{ messages | rejectattr('role', 'in', ['user']) | map(attribute='content') | list }} {{ [0, 1, 2] | select | list }} {{ [1, 2, 3] | reject('odd') | list }}",
    "{{ x | default('d') }} {{ '' | default('d', true) }} {{ none | d('e') }} {{ messages | first }} {{ [1, 2] | last }} {{ [] | first }}|",
    "{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2, true) }}|{{ 'aXbX' | replace('X', '-') }}|{{ 'aaa' | replace('a', 'b', 2) }}",
    "{{ '12' | int + 1 }} {{ 'x' | int }} {{ '3.7' | int }} {{ '1.5' | float }} {{ 2.567 | round(2) }} {{ 2.5 | round }} {{ 7 | round }} {{ [1, 2] | string }}",
    "{{ 'abc' | reverse }} {{ [1, 2] | reverse | list }} {{ {'a': 1} | items | list }} {{ [1, 2, 3] | batch(2) | list }} {{ 'a b c' | wordcount }} {{ 'abc' | length }}",
    "{{ [] | select | list | length }}{% if [] | map('upper') %}generator{% endif %}", "{{ 'éa' | length }} {{ '<b>' | e }} {{ 'x' | safe }} {{ [1, [2]] | tojson }}",
    # tests
    "{{ 1 is number }} {{ true is number }} {{ true is integer }} {{ 'a' is string }} {{ {} is mapping }} {{ [] is sequence }} {{ 'a' is iterable }} {{ none is none }}",
    "{{ x is defined }} {{ x is undefined }} {{ x is not none }} {{ false is false }} {{ 1 is boolean }} {{ 3 is odd }} {{ 4 is divisibleby 2 }} {{ 1 is in [1] }} {{ 2 is eq 2 }}",
    "{{ 1.0 is float }} {{ 'a' is lower }} {{ 'A' is upper }} {{ 1 is sameas 1 }} {{ x is string }} {{ x is iterable }} {{ messages is not string and messages is iterable }}",
    # methods
    "{{ ' a '.strip() }}|{{ 'xax'.lstrip('x') }}|{{ 'a,b,c'.split(',') }}|{{ 'a,b,c'.split(',', 1) }}|{{ ' a  b '.split() }}|{{ 'a,b,c'.rsplit(',', 1) }}",
    "{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'abcabc'.find('c') }} {{ 'abc'.find('z') }} {{ 'aXa'.replace('a', '') }} {{ 'a'.upper() }} {{ \"it's ok\".title() }}",
    "{{ 'a\nb'.splitlines() }} {{ 'k=v'.partition('=') }} {{ '12'.isdigit() }} {{ ','.join(['a', 'b']) }} {{ 'abab'.count('ab') }} {{ 'abc'.removeprefix('a') }}",
    "{{ {'a': 1}.get('a') }} {{ {'a': 1}.get('b') }} {{ {'a': 1}.get('b', 'c') }} {{ {'a': 1}.keys() | list }} {{ {'a': 1}.values() | list }} {{ {'items': 2}['items'] }} {{ [1, 2, 1].count(1) }} {{ [1, 2].index(2) }}",
    "{{ messages[0].content.split('o')[-1].strip() }} {{ messages[0]['missing'] }}|{{ messages[0].missing is defined }} {{ messages[-1].role }} {{ range(1, 6, 2) | list }}",
    "{{ dict(a=1, b=2) }} {{ 'x'.y }}| {{ none is defined }} {{ [{'a': 1}] | map(attribute='a') | first }} {{ 'Ab'.lower() }}",
    "{% set j = joiner('; ') %}{{ j() }}a{{ j() }}b", "{{ 'a' if messages and messages[0].role == 'user' and (tools is not defined or not tools) else 'b' }}",
    # refusals
    "{{ raise_exception('no') }}", "{{ x.y }}", "{{ x + 1 }}", "{{ 'a' + 1 }}", "{{ 1 // 0 }}", "{% set messages.x = 1 %}", "{{ messages.append(1) }}", "{{ 'a' | nofilter }}",
    "{{ 1 is notest }}", "{% do x %}", "{% if 1 %}", "{{ 1", "{{ }}", "{% endif %}", "{% for x in 5 %}{% endfor %}", "{{ x() }}", "{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}",
    "{{ [1] | map('upper') | length }}", "{{ undefined_thing | tojson }}", "{% set a, b = [1] %}", "{{ range(1000000) }}", "{% break %}", "{{ f(b=1, 2) }}",
]
DAY = datetime.datetime(2024, 7, 26)  # of strftime_now, as in the test
TOOL = {"type": "function", "function": {"name": "add", "description": "Adds <two> numbers.", "parameters": {
    "type": "object", "properties": {"a": {"type": "number", "description": "one"}, "b": {"type": "number"}}, "required": ["a", "b"]}}}
USER, ANSWER = {"role": "user", "content": "What is 2+2?"}, {"role": "assistant", "content": "It is 4."}
THOUGHT = {"role": "assistant", "content": "<think>\n2+2=4\n</think>\n\nIt is 4."}
SYSTEM, AGAIN = {"role": "system", "content": "Think step by step. "}, {"role": "user", "content": " And 3+3? 안녕 "}
CALL = {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "id": "abcdefghi", "function": {"name": "add", "arguments": {"a": 2, "b": 2}}}]}
RESULT = {"role": "tool", "content": "4", "name": "add", "tool_call_id": "abcdefghi"}
CONVERSATIONS = [
    {"messages": [USER]}, {"messages": [SYSTEM, USER]}, {"messages": [USER, ANSWER]}, {"messages": [SYSTEM, USER, THOUGHT, AGAIN]},
    {"messages": [USER, THOUGHT]}, {"messages": [USER, dict(ANSWER, reasoning_content="2+2=4", thinking="2+2=4"), AGAIN, ANSWER]},
    {"messages": [SYSTEM, USER], "tools": [TOOL]}, {"messages": [USER, CALL, RESULT, ANSWER], "tools": [TOOL]}, {"messages": [USER, CALL, RESULT], "tools": [TOOL]},
    {"messages": [USER], "enable_thinking": False}, {"messages": [USER], "enable_thinking": True}, {"messages": [SYSTEM, SYSTEM, USER]}, {"messages": [ANSWER]}, {"messages": []},
]


def golden(name, source, variables):
    line = {"template": name, "variables": variables}
    try:
        template = _compile_jinja_template(source)
        template.globals["strftime_now"] = DAY.strftime
        return dict(line, text=template.render(**variables))
    except Exception:
        return dict(line, error=True)


def main():
    if len(sys.argv) == 1:
        out = pathlib.Path(__file__).parent / "snippets.jsonl"
        lines = [golden(text, text, {"messages": [USER, ANSWER]}) for text in SNIPPETS]
    else:
        out, lines = sys.argv[2], []
        special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
        for path in sorted(pathlib.Path(sys.argv[1]).glob("*.jinja")):
            for conversation in CONVERSATIONS:
                for opens in (False, True):
                    variables = dict({"tools": None, "documents": None}, **conversation, add_generation_prompt=opens, **special)
                    lines.append(golden(path.name, path.read_text(), variables))
    pathlib.Path(out).write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


if __name__ == "__main__":
    main()
