#include "rewards/sandbox/python_harness.h"

namespace r1::rewards::sandbox {

const char* const kSolutionHarness = R"PYTHON(
import ast, builtins, os, sys
sys.set_int_max_str_digits(0) if hasattr(sys, "set_int_max_str_digits") else None
requests, answers = os.fdopen(3, encoding="utf-8"), os.fdopen(4, "w", encoding="utf-8")
objects, names = [], {"__name__": "solution"}

def literal(value):
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        if value != value:
            raise TypeError("nan")
        return float.__repr__(value).replace("inf", "1e999")
    if isinstance(value, complex):
        return complex.__repr__(value)
    if isinstance(value, str):
        return ascii(str.__str__(value))
    if isinstance(value, (bytes, bytearray)):
        return repr(bytes(value))
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    if isinstance(value, tuple):
        return "(" + "".join(literal(item) + ", " for item in value) + ")"
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(map(literal, value)) + "}" if value else "set()"
    if isinstance(value, dict):
        return "{" + ", ".join(literal(k) + ": " + literal(v) for k, v in value.items()) + "}"
    raise TypeError(type(value).__name__)

def answer(line):
    target, name, arguments, keywords = ast.literal_eval(line)
    if target == -2:
        return ascii(("value", [name for name in names if type(name) is str], []))
    try:
        function = names[name] if target < 0 else getattr(objects[target], name)
        value = function(*arguments, **keywords)
    except RecursionError:
        return "('error', 'RecursionError', [])"
    except Exception as error:
        kinds = [kind.__name__ for kind in type(error).__mro__]
        return "('error', %a, [])" % next(kind for kind in kinds if hasattr(builtins, kind))
    try:
        text = "('value', " + literal(value)
    except (TypeError, RecursionError):
        objects.append(value)
        text = "('object', %d" % (len(objects) - 1)
    try:
        return text + ", " + literal(arguments) + ")"
    except (TypeError, RecursionError):
        return text + ", [])"

source = sys.argv.pop(1)
exec(compile(source, "solution", "exec"), names)
for line in requests:
    print(answer(line), file=answers, flush=True)
)PYTHON";

const char* const kTestHarness = R"PYTHON(
import ast, builtins, os, sys
sys.set_int_max_str_digits(0) if hasattr(sys, "set_int_max_str_digits") else None
answers, requests = os.fdopen(3, encoding="utf-8"), os.fdopen(4, "w", encoding="utf-8")

class Remote:
    def __init__(self, number):
        self._number = number

    def __getattr__(self, name):
        return lambda *arguments, **keywords: ask(self._number, name, arguments, keywords)

def ask(target, name, arguments, keywords):
    print(ascii((target, name, list(arguments), keywords)), file=requests, flush=True)
    kind, value, changed = ast.literal_eval(answers.readline())
    if kind == "error":
        raise getattr(builtins, value)()
    for mine, theirs in zip(arguments, changed):
        if mine != theirs and type(mine) is type(theirs) and isinstance(mine, (list, dict, set)):
            mine.clear()
            mine.extend(theirs) if isinstance(mine, list) else mine.update(theirs)
    return Remote(value) if kind == "object" else value

def free_names(test):
    used, bound = set(), set()
    for node in ast.walk(ast.parse(test)):
        if isinstance(node, ast.Name):
            (used if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.alias):
            bound.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return used - bound

# A built-in is the solution's own only in tests that name nothing else of the solution: there it
# is what is tested. Elsewhere the solution could redefine what the tests compare with.
def tested_names(tests):
    free = set()
    for test in tests:
        try:
            free |= free_names(test)
        except (SyntaxError, ValueError, RecursionError):
            pass
    if any(not hasattr(builtins, name) for name in free):
        return None
    try:
        return free & set(ask(-2, "", (), {}))
    except BaseException:
        return set()

class Names(dict):
    def __missing__(self, name):
        if hasattr(builtins, name) and (tested is None or name not in tested):
            raise KeyError(name)
        return lambda *arguments, **keywords: ask(-1, name, arguments, keywords)

tests = ast.literal_eval(sys.stdin.read())
tested = tested_names(tests)
for test in tests:
    try:
        if tested is not None and not tested:
            raise NameError("no program")
        exec(compile(test, "test", "exec"), Names(__name__="test"))
        passed = True
    except BaseException:
        passed = False
    os.write(1, b"1" if passed else b"0")
)PYTHON";

const char* const kCheckerHarness = R"PYTHON(
import builtins, io, json, os, sys
checker, *contents = json.load(sys.stdin)
names = ["input.txt", "correct_output.txt", "solution_output.txt"]
files, outside = dict(zip(names, contents)), io.open

def opened(file, mode="r", *arguments, **options):
    name = os.fspath(file) if not isinstance(file, int) else file
    if name not in files:
        return outside(file, mode, *arguments, **options)
    return io.BytesIO(files[name].encode()) if "b" in mode else io.StringIO(files[name])

builtins.open = io.open = opened
sys.argv, sys.stdin = ["checker.py", *names], io.StringIO("")
exec(compile(checker, "checker.py", "exec"), {"__name__": "__main__"})
)PYTHON";

}  // namespace r1::rewards::sandbox
