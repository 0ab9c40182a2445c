#!/usr/bin/env python3
"""Writes chat_folders.jsonl: small folders of tokenizer files and what transformers' apply_chat_template renders by them.

make_chat_folders.py OUT    (needs transformers >= 5.24)
A line: name, files (name -> text, beside a byte-level tokenizer.json that the test makes), conversation (messages, tools,
documents, variables), text or error.
"""
import json
import pathlib
import sys
import tempfile

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer

TURNS = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}"
QUESTION = [{"role": "user", "content": "q"}]
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {}}}]


def config(**entries):
    return json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": False, **entries})


def added(text):
    return {"content": text, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


NAMES = "{{ bos_token }}|{{ eos_token }}|{{ unk_token }}|{{ pad_token }}|{{ bos_token is defined }}{{ unk_token is defined }}"
CASES = [
    ("text", {"tokenizer_config.json": config(chat_template=NAMES + TURNS, bos_token="<s>", eos_token={**added("</s>"), "__type": "AddedToken"}, pad_token=None)}, {}),
    ("no special tokens", {"tokenizer_config.json": config(chat_template=NAMES)}, {}),
    ("list", {"tokenizer_config.json": config(chat_template=[{"name": "tool_use", "template": "T" + TURNS}, {"name": "default", "template": "D" + TURNS}])}, {}),
    ("list, tools", {"tokenizer_config.json": config(chat_template=[{"name": "default", "template": "D"}, {"name": "tool_use", "template": "T{{ tools | tojson }}"}])}, {"tools": TOOLS}),
    ("list without default", {"tokenizer_config.json": config(chat_template=[{"name": "rag", "template": "R"}])}, {}),
    ("file", {"tokenizer_config.json": config(chat_template="C", eos_token="</s>"), "chat_template.jinja": "F{{ eos_token }}" + TURNS + "\n"}, {}),
    ("file and list", {"tokenizer_config.json": config(chat_template=[{"name": "default", "template": "C"}]), "chat_template.jinja": "F" + TURNS}, {}),
    ("files", {"tokenizer_config.json": config(), "chat_template.jinja": "F" + TURNS, "additional_chat_templates/tool_use.jinja": "A{{ tools | length }}"}, {"tools": TOOLS}),
    ("old map", {"tokenizer_config.json": config(chat_template=NAMES, bos_token="<s>"), "special_tokens_map.json": json.dumps({"bos_token": "</s>", "unk_token": added("<s>")})}, {}),
    ("new map", {"tokenizer_config.json": config(chat_template=NAMES, bos_token="<s>", added_tokens_decoder={"256": added("<s>")}), "special_tokens_map.json": json.dumps({"bos_token": "</s>"})}, {}),
    ("no thinking", {"tokenizer_config.json": config(chat_template=TURNS + "{{ '[a]' }}{% if enable_thinking is defined and not enable_thinking %}<think></think>{% endif %}")}, {"variables": {"enable_thinking": False}}),
    ("variables win", {"tokenizer_config.json": config(chat_template=NAMES, bos_token="<s>")}, {"variables": {"bos_token": "B"}}),
    ("reasoning", {"tokenizer_config.json": config(chat_template="{% for m in messages %}{{ m.reasoning_content }}|{{ m.thinking }}|{{ m.content }};{% endfor %}")}, {"messages": QUESTION + [{"role": "assistant", "content": "c", "reasoning": "r"}, {"role": "assistant", "content": "d", "thinking": "t"}, {"role": "assistant", "content": "e", "reasoning_content": "s", "thinking": "u"}]}),
    ("nothing given", {"tokenizer_config.json": config(chat_template="{{ tools is none }}{{ documents is none }}{{ add_generation_prompt }}{{ tools is defined }}")}, {}),
    ("documents", {"tokenizer_config.json": config(chat_template="{% for d in documents %}{{ d.title }}: {{ d.text }}{% endfor %}")}, {"documents": [{"title": "a", "text": "b"}]}),
    ("refused", {"tokenizer_config.json": config(chat_template="{{ raise_exception('Roles must alternate') }}")}, {}),
]


def write_tokenizer(path):
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in ("<s>", "</s>")])
    tokenizer.save(str(path))


def render(files, conversation):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write_tokenizer(folder / "tokenizer.json")
        for name, text in files.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)
        tokenizer = AutoTokenizer.from_pretrained(str(folder))
        return tokenizer.apply_chat_template(conversation.get("messages", QUESTION), tools=conversation.get("tools"),
                                             documents=conversation.get("documents"), tokenize=False, add_generation_prompt=True,
                                             **conversation.get("variables", {}))


with open(sys.argv[1], "w") as out:
    for name, files, conversation in CASES:
        conversation = {"messages": QUESTION, **conversation}
        line = {"name": name, "files": files, "conversation": conversation}
        try:
            line["text"] = render(files, conversation)
        except Exception as error:  # noqa: BLE001 - any refusal counts
            line["error"] = str(error)[:80]
        out.write(json.dumps(line, ensure_ascii=False) + "\n")
