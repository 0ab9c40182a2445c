#!/usr/bin/env python3
"""Writes assistant_masks.jsonl: which tokens of conversations transformers' return_assistant_tokens_mask marks as answers.

make_assistant_masks.py OUT    (needs transformers >= 5.24)
A line: name, template, marked (the same template with generation blocks), messages, ids, mask. The tokenizer has one token a
byte (id = byte), then <|im_start|> 256, <|im_end|> 257 (eos), <|endoftext|> 258, <s> 259 (bos).
"""
import json
import pathlib
import sys
import tempfile

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

BEGIN, END = "{% generation %}", "{% endgeneration %}"
HEAD = "{{ '<|im_start|>' + m.role + '\\n' }}"
CHATML = ("{% for m in messages %}" + HEAD + "{% if m.role == 'assistant' %}BEGIN{{ m.content + '<|im_end|>' }}END"
          "{% else %}{{ m.content + '<|im_end|>' }}{% endif %}{{ '\\n' }}{% endfor %}"
          "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
TRIMMED = ("{{ bos_token }}{% for m in messages %}{{ '[' + m.role + ']\\n\\n' }}{% if m.role == 'assistant' %}"
           "BEGIN{{ m.content | trim + '<|im_end|>' }}END{% else %}{{ m.content | trim + '<|im_end|>' }}{% endif %}{% endfor %}"
           "{% if add_generation_prompt %}{{ '[assistant]\\n\\n' }}{% endif %}")
# Earlier answers lose their thinking and the last one gets an empty one, as in Qwen3's.
THINKING = ("{% set ns = namespace(last=-1) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}"
            "{% endif %}{% endfor %}{% for m in messages %}" + HEAD + "{% if m.role == 'assistant' %}BEGIN"
            "{{ ('<think>\\n\\n</think>\\n\\n' if loop.index0 > ns.last and '</think>' not in m.content else '') +"
            " (m.content if loop.index0 > ns.last else m.content.split('</think>')[-1].lstrip('\\n')) + '<|im_end|>' }}END"
            "{% else %}{{ m.content + '<|im_end|>' }}{% endif %}{{ '\\n' }}{% endfor %}"
            "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
# The generation prompt opens the thinking that the history leaves out, as in DeepSeek-R1's.
OPENING = ("{{ bos_token }}{% for m in messages %}{% if m.role == 'assistant' %}{{ '[A]' }}BEGIN"
           "{{ m.content.split('</think>')[-1] + '<|im_end|>' }}END{% else %}{{ '[U]' + m.content }}{% endif %}{% endfor %}"
           "{% if add_generation_prompt %}{{ '[A]<think>\\n' }}{% endif %}")
NO_END = ("{% for m in messages %}{% if m.role == 'assistant' %}BEGIN{{ m.content + '\\n\\n' }}END{% else %}"
          "{{ '# ' + m.content + '\\n' }}{% endif %}{% endfor %}")


def turns(*contents, system=None):
    messages = [{"role": "system", "content": system}] if system else []
    return messages + [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(contents)]


PLAIN = turns("a", "b", "c", "dé", "e", "f", system="s")
CASES = [
    ("chatml", CHATML, PLAIN), ("one answer", CHATML, turns("a", "b")), ("trimmed", TRIMMED, turns("a", " b\n", "c", "d")),
    ("results of tools", CHATML, [*turns("a", "b"), {"role": "tool", "content": "1"}, {"role": "assistant", "content": "c"},
                                  *turns("d", "e")]),
    ("thinking", THINKING, turns("a", "<think>\nt\n</think>\n\nb", "c", "<think>\nu\n</think>\n\nd")),
    ("opening", OPENING, turns("a", "b", "c", "d")), ("no end token", NO_END, turns("a", "b", "c", "d")),
]


def make_tokenizer():
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = [chr(b) if b in printable else chr(256 + sum(x not in printable for x in range(b))) for b in range(256)]
    tokenizer = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True)
                                  for text in ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<s>")])
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "tokenizer.json")
        tokenizer.save(str(path))
        return PreTrainedTokenizerFast(tokenizer_file=str(path), eos_token="<|im_end|>", bos_token="<s>")


tokenizer = make_tokenizer()
with open(sys.argv[1], "w") as out:
    for name, template, messages in CASES:
        marked = template.replace("BEGIN", BEGIN).replace("END", END)
        template = template.replace("BEGIN", "").replace("END", "")
        plain = tokenizer.apply_chat_template(messages, chat_template=template, tokenize=False)
        assert plain == tokenizer.apply_chat_template(messages, chat_template=marked, tokenize=False)
        found = tokenizer.apply_chat_template(messages, chat_template=marked, tokenize=True, return_dict=True,
                                              return_assistant_tokens_mask=True)
        out.write(json.dumps({"name": name, "template": template, "marked": marked, "messages": messages,
                              "ids": found["input_ids"], "mask": found["assistant_masks"]}, ensure_ascii=False) + "\n")
