#!/usr/bin/env python3
"""Checks what the compiler does not: who may include whom, and the tree's house rules.

check.py ROOT         prints "file:line: rule: what is wrong" for each finding; exit code 1 when there is one
check.py --self-test  breaks each rule once on a made-up tree and expects exactly that finding
"""
import pathlib
import re
import sys
import tempfile

import read_options

# Who may include whom in src/: module -> modules it builds on directly; theirs are allowed too. A file belongs to the
# longest name that matches its folder. mpi/ may include everything in src/, src/ nothing of mpi/.
LAYERS = {
    "base": [],
    "tensor": ["base"],
    "kernels": ["tensor"],
    "parallel": ["tensor"],
    "vocabulary": ["kernels", "parallel"],
    "nn": ["kernels", "parallel"],
    "jinja": ["base"],
    "tokenizer": ["jinja"],
    "checkpoint/formats": ["tokenizer", "base"],
    "checkpoint": ["checkpoint/formats", "tensor", "parallel"],
    "models": ["nn", "vocabulary", "checkpoint"],
    "data": ["tokenizer"],
    "generation": ["models", "data"],
    "rewards": ["data"],
    "algorithms": ["tensor"],
    "optim": ["kernels", "parallel"],
    "metrics": ["base"],
    "config": ["base", "parallel"],
    "plan": ["config", "models"],
    "training": ["config", "models", "data", "algorithms", "optim", "metrics"],
}
# Modules that ask whether a tensor is on a CPU: an operation with several forms has one door in kernels, copies between
# devices have theirs in tensor and checkpoint.
DEVICE_MODULES = {"kernels", "tensor", "checkpoint"}
# Headers that a module may include beyond its layer: config composes every module's option structs.
EXTRA_HEADERS = {"config": re.compile(r"^[a-z_/]+/options\.h$")}
# Model rewards, unlike rule rewards, run a model.
EXTRA_FILES = {re.compile(r"^src/rewards/model_\w+\.(h|cpp)$"): ["models"]}

CODE_FOLDERS = ["src", "mpi", "tests"]
TEXT_FOLDERS = CODE_FOLDERS + ["jobscripts", "configs", ".ci"]
CODE_SUFFIXES = {".h", ".cpp", ".cu", ".cuh"}
TEXT_SUFFIXES = CODE_SUFFIXES | {".sh", ".sbatch", ".py", ".toml", ".md", ".txt", ".cmake", ".def", ".in", ""}
MAX_LINES = 500

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
MARKER = re.compile(r"\b(TODO|FIXME|XXX)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}\-/])/(?:work|root|home|Users)/\w")
DEVICE_QUESTION = re.compile(r"\bis_(?:cpu|cuda)\(\)")
RANK_BRANCH = re.compile(r"\bif\s*(?:constexpr\s*)?\([^;{]*\brank(?:\(\)|_)?\s*[=!]=")


def module_of(path, layers):
    """The module of a path below src/ ("checkpoint/formats/gguf.h"), or None."""
    matches = [name for name in layers if path.startswith(name + "/")]
    return max(matches, key=len) if matches else None


def reachable(module, layers):
    """All modules that `module` may include, itself among them."""
    seen, todo = set(), [module]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(layers[name])
    return seen


class Tree:
    """The files of a checkout and their includes."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.texts = {}
        candidates = [path for path in self.root.glob("*") if path.is_file() and path.name != ".git"]
        for folder in TEXT_FOLDERS:
            candidates += [path for path in (self.root / folder).rglob("*") if path.is_file()]
        for path in candidates:
            name = path.relative_to(self.root).as_posix()
            if path.suffix in TEXT_SUFFIXES and not name.startswith("tests/data/") and "__pycache__" not in name:
                self.texts[name] = path.read_text(encoding="utf-8", errors="replace").splitlines()

    def code(self, *folders):
        """Names of the C++ and CUDA files below the folders."""
        return [
            name
            for name in sorted(self.texts)
            if pathlib.Path(name).suffix in CODE_SUFFIXES and name.startswith(tuple(f + "/" for f in folders))
        ]

    def includes(self, name):
        """(line, "<" or '"', what) of each include of a file."""
        found = []
        for number, line in enumerate(self.texts[name], 1):
            match = INCLUDE.match(line)
            if match:
                found.append((number, match.group(1), match.group(2)))
        return found

    def resolve(self, name, target):
        """The file of the tree that a quoted include means, or None."""
        beside = (pathlib.PurePosixPath(name).parent / target).as_posix()
        for candidate in ("src/" + target, "mpi/" + target, target, "tests/" + target, beside):
            if candidate in self.texts:
                return candidate
        return None


def check_layers(tree):
    for name in tree.code("src"):
        own = module_of(name.removeprefix("src/"), LAYERS)
        if own is None:
            yield name, 1, "layer", "its folder is not in the layer table of tests/style/check.py"
            continue
        allowed = reachable(own, LAYERS)
        for pattern, more in EXTRA_FILES.items():
            if pattern.match(name):
                for module in more:
                    allowed |= reachable(module, LAYERS)
        for line, quote, target in tree.includes(name):
            if target in ("mpi.h", "nccl.h"):
                yield name, line, "layer", f"src/ knows no ranks: <{target}> belongs to mpi/"
                continue
            found = tree.resolve(name, target) if quote == '"' else None
            if found is None:
                continue
            if found.startswith("mpi/"):
                yield name, line, "layer", f"src/ may not include {found}"
                continue
            other = module_of(found.removeprefix("src/"), LAYERS)
            extra = EXTRA_HEADERS.get(own)
            if other and other not in allowed and not (extra and extra.match(target)):
                yield name, line, "layer", f"{own} may not include {other} ({target})"


def check_cycles(tree):
    graph = {
        name: [(line, tree.resolve(name, target)) for line, quote, target in tree.includes(name) if quote == '"']
        for name in tree.code("src", "mpi")
    }
    state = {}                                      # name -> "open" on the current path, "done" after it

    def visit(name, path):
        state[name] = "open"
        for line, target in graph[name]:
            if target not in graph:
                continue
            if state.get(target) == "open":
                yield name, line, "cycle", " -> ".join(path[path.index(target):] + [target])
            elif target not in state:
                yield from visit(target, path + [target])
        state[name] = "done"

    for name in graph:
        if name not in state:
            yield from visit(name, [name])


def check_own_header_first(tree):
    for name in tree.code("src", "mpi"):
        header = str(pathlib.PurePosixPath(name).with_suffix(".h"))
        if not name.endswith(".cpp") or header not in tree.texts:
            continue
        includes = tree.includes(name)
        if not includes or tree.resolve(name, includes[0][2]) != header:
            yield name, includes[0][0] if includes else 1, "own-header", f"the first include must be {header}"


def check_lengths(tree):
    for name in tree.code(*CODE_FOLDERS):
        if len(tree.texts[name]) > MAX_LINES:
            yield name, MAX_LINES + 1, "length", f"{len(tree.texts[name])} lines, at most {MAX_LINES}"


def check_words(tree):
    for name, lines in tree.texts.items():
        if name == "LICENSE" or name.startswith("tests/style/"):
            continue
        for number, line in enumerate(lines, 1):
            if MARKER.search(line):
                yield name, number, "marker", "unfinished work is not committed: " + line.strip()
            if MACHINE_PATH.search(line):
                yield name, number, "machine-path", "a path of one machine: " + line.strip()


def check_stages(tree):
    for name in tree.code("mpi/stages"):
        for number, line in enumerate(tree.texts[name], 1):
            if RANK_BRANCH.search(line.split("//")[0]):
                yield name, number, "stage-branch", "a stage is text that every rank reads: the role decides"


def check_device_questions(tree):
    for name in tree.code("src"):
        if module_of(name.removeprefix("src/"), LAYERS) in DEVICE_MODULES:
            continue
        for number, line in enumerate(tree.texts[name], 1):
            if DEVICE_QUESTION.search(line.split("//")[0]):
                yield name, number, "device-question", "a function of src/kernels or src/tensor asks for the device"


def check_options(tree):
    """Every option is read by some code (read_options.py)."""
    texts = {name: "\n".join(tree.texts[name]) for name in tree.code("src", "mpi")}
    for name, line, what in read_options.check_options(texts):
        yield name, line, "option", what


RULES = [check_layers, check_cycles, check_own_header_first, check_lengths, check_words, check_stages, check_device_questions,
         check_options]


def findings(root):
    tree = Tree(root)
    return [finding for rule in RULES for finding in rule(tree)]


# A tree that keeps every rule, and one broken file for each way to break one: (file, text, rule).
GOOD = {
    "src/base/log.h": "#pragma once\n",
    "src/base/log.cpp": '#include "base/log.h"\n\n#include <string>\n',
    "src/tensor/dtype.h": '#include "base/log.h"\n',
    "src/models/options.h": '#include "base/log.h"\n',
    "src/models/model.h": '#include "models/options.h"\n#include "tensor/dtype.h"\n',
    "src/rewards/model_reward.h": '#include "models/model.h"\n',
    "src/checkpoint/formats/gguf.h": '#include "base/log.h"\n',
    "src/checkpoint/reader.h": '#include "checkpoint/formats/gguf.h"\n',
    "src/config/config.h": '#include "models/options.h"\n',
    "src/optim/options.h": """struct AdamWOptions {
  double rate = 1e-6, decay = 0.0, total = 0.0;
  double half() const { return total / 2; }
  void visit(base::OptionVisitor& v) {
    v("rate", rate, "peak rate");
    v("decay", decay, "of weights");
    v("total", total, "steps");
  }
  void check(const std::string& key, base::Problems& problems) const { problems.require(rate > 0, key); }
};
""",
    "src/optim/adamw.cpp": "double step(const AdamWOptions& options) {\n  const auto& again = options;\n"
                           "  return options.rate * (1.0 - again.decay) * options.half();\n}\n",
    "mpi/communicator.h": "#include <mpi.h>\n",
    "mpi/stages/rl.cpp": '#include "models/model.h"\nif (run.finished()) return;  // if (rank() == 0) would hang\n',
    "jobscripts/launch.sh": 'folder=$(mktemp -d "$TMPDIR/x.XXXXXX")\n',
}
UNREAD = "void Options::visit(base::OptionVisitor& v) {\n  v%s(\"unread\", unread, %s\"help\");\n}\n"
BAD = [
    ("src/nn/options.cpp", UNREAD % ("", ""), {"option"}),
    ("src/nn/options.cpp", UNREAD % (".choice", '{"a", "b"}, '), {"option"}),
    ("src/nn/options.cpp", UNREAD % (".section_list", ""), {"option"}),
    ("src/nn/options.cpp", UNREAD % ("", "") + "// options.unread\nauto key = \"options.unread\";\n", {"option"}),
    ("src/nn/options.cpp", UNREAD % ("", "")
     + "void Options::check(const std::string& key, base::Problems& problems) const {\n  f(this->unread);\n}\n", {"option"}),
    ("src/nn/options.cpp", UNREAD % ("", "") + "int Other::twice() const {\n  return 2 * unread;\n}\n", {"option"}),
    ("src/nn/options.cpp", UNREAD % ("", "") + "int twice(const Other& other) {\n  return 2 * other.unread;\n}\n", {"option"}),
    ("src/optim/adamw.cpp", "double step(const Other& other) { return other.rate * other.decay; }\n", {"option"}),
    ("src/base/log.h", '#include "tensor/dtype.h"\n', {"layer", "cycle"}),
    ("src/checkpoint/formats/gguf.h", '#include "checkpoint/reader.h"\n', {"layer", "cycle"}),
    ("src/config/parse.h", '#include "models/model.h"\n', {"layer"}),
    ("src/rewards/format.h", '#include "models/model.h"\n', {"layer"}),
    ("src/metrics/report.h", '#include "communicator.h"\n', {"layer"}),
    ("src/parallel/bucket.cpp", "#include <mpi.h>\n", {"layer"}),
    ("src/parallel/bucket.cpp", "#include <nccl.h>\n", {"layer"}),
    ("src/misc/helper.h", "\n", {"layer"}),
    ("src/base/log.cpp", '#include <string>\n\n#include "base/log.h"\n', {"own-header"}),
    ("src/tensor/long.cpp", "\n" * (MAX_LINES + 1), {"length"}),
    ("mpi/main.cpp", "// TODO: finish\n", {"marker"}),
    ("configs/a.toml", 'path = "/home/me/model"\n', {"machine-path"}),
    ("jobscripts/b.sh", "cd /work/main\n", {"machine-path"}),
    ("mpi/stages/sft.cpp", "  if (world.rank() == 0) save();\n", {"stage-branch"}),
    ("src/nn/norm.cpp", "  if (x.is_cuda()) launch();\n", {"device-question"}),
    ("mpi/stages/sft.cpp", "  if (ready && rank != 0) return;\n", {"stage-branch"}),
]


def write_tree(root, files):
    for name, text in files.items():
        path = pathlib.Path(root) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def self_test():
    with tempfile.TemporaryDirectory() as root:
        write_tree(root, GOOD)
        assert not findings(root), findings(root)
    for name, text, rules in BAD:
        with tempfile.TemporaryDirectory() as root:
            write_tree(root, {**GOOD, name: text})
            found = findings(root)
            assert {finding[2] for finding in found} == rules, (name, text, found)
            assert all(finding[0] == name or finding[2] in ("cycle", "option") for finding in found), (name, found)
    read = {"src/optim/options.h": GOOD["src/optim/options.h"], "src/optim/adamw.cpp": GOOD["src/optim/adamw.cpp"]}
    (needless,) = read_options.check_options(read, {("AdamWOptions", "rate")})
    assert "needs no exception" in needless[2], needless
    broken = [name for name in LAYERS if any(name in reachable(below, LAYERS) for below in LAYERS[name])]
    assert not broken, f"the layer table has a cycle through {broken}"
    print(f"self-test passed: {len(BAD)} made-up trees")


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    found = findings(sys.argv[1])
    for name, line, rule, what in found:
        print(f"{name}:{line}: {rule}: {what}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
