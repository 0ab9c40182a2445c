"""Finds options that are declared and documented but change nothing: no code reads them.

An option struct declares its keys in visit(). A key is read where a C++ file of src/ or mpi/ names the member behind a dot
or an arrow of something that is called as a thing of that struct is (its sections, its variables, what `auto` names after
them), or where the struct's own functions name it. Declaring and checking are no reading: the bodies of visit() and
check() do not count, nor do the files that only compare, check and print configurations.
"""
import re

# Files that handle every option alike, or only check them.
NO_READERS = re.compile(r"^src/config/(checks|compare|load|print|document|config)\.(h|cpp)$")
# Options that no code names although they act: (struct, member).
EXCEPTIONS = set()

VISIT = re.compile(r"\bvoid (?:(\w+)::)?visit\((?:\w+::)*OptionVisitor& (\w+)\)[^;{]*\{")
CHECK = re.compile(r"\bvoid (?:\w+::)?check\(const std::string& \w+,[^;{]*\{")
STRUCT = re.compile(r"^(?:struct|class) (\w+)", re.MULTILINE)
COMMENT = re.compile(r"//[^\n]*|\"(?:[^\"\\\n]|\\.)*\"")


def body(text, begin):
    """The end of the block that opens right before `begin`."""
    depth = 1
    for place in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return place
    return len(text)


def declared(text):
    """(struct, member, offset) of each option that the text's visit() functions declare."""
    for match in VISIT.finditer(text):
        struct = match.group(1)
        if struct is None:
            structs = [found.group(1) for found in STRUCT.finditer(text, 0, match.start())]
            if not structs:
                continue  # the example in a comment of base/options.h
            struct = structs[-1]
        visitor = match.group(2)
        call = re.compile(rf"\b{visitor}(?:\.(?:choice|section|section_list))?\(\s*\"\w+\",\s*(\w+)")
        for found in call.finditer(text, match.end(), body(text, match.end())):
            yield struct, found.group(1), found.start(1)


def without_declarations(text):
    """The text without comments, string literals and the bodies of visit() and check()."""
    kept, place = [], 0
    while True:
        starts = [match for match in (VISIT.search(text, place), CHECK.search(text, place)) if match]
        if not starts:
            kept.append(text[place:])
            return COMMENT.sub('""', "".join(kept))
        match = min(starts, key=lambda found: found.start())
        kept.append(text[place : match.start()])
        place = body(text, match.end()) + 1


def struct_functions(struct, texts):
    """The bodies of a struct's own functions, and the struct itself with what is defined in it."""
    found = []
    for text in texts:
        for match in re.finditer(rf"\b{struct}::\w+\([^;{{}}]*\)[^;{{}}]*\{{", text):
            found.append(text[match.end() : body(text, match.end())])
        for match in re.finditer(rf"^struct {struct}\b[^;{{]*\{{", text, re.MULTILINE):
            inside = text[match.end() : body(text, match.end())]
            for function in re.finditer(r"\)[^;{}]*\{", inside):
                found.append(inside[function.end() : body(inside, function.end())])
    return found


# After a type: the variable, parameter, member or function that is declared, also inside std::vector<...>.
DECLARED_NAME = r"\b\s*[&*]?>?\s*[&*]?\s*(\w+)(?:\s*[;,)=:{]|\(\))"
# What auto is made of: the last name in front of the ";", or of the end of a range-for's line.
ALIAS = re.compile(r"\bauto\s*[&*]*\s*(\w+)\s*(?:=\s*([^;={]*)|:\s*([^;\n]*?)\)?[\s{]*\n)")
# A name, calls and indices behind it, and the member that is read from it; overlapping, for chains a.b.c.
READ = re.compile(r"(?<!\w)(?=(\w+)(?:\(\w*\)|\[[^\]]*\])*(?:\.|->)(\w+)\b(?!\s*\())")


def receivers(structs, text):
    """struct -> names of things of that struct: members, variables, functions, what auto names after one of them."""
    names = {struct: set() for struct in structs}
    for found in re.finditer(rf"\b({'|'.join(sorted(structs))}){DECLARED_NAME}", text):
        names[found.group(1)].add(found.group(2))
    aliases = {}
    for found in ALIAS.finditer(text):
        last = re.search(r"(\w+)(?:\(\)|\[[^\]]*\])*\s*$", found.group(2) or found.group(3) or "")
        if last:
            aliases.setdefault(last.group(1), set()).add(found.group(1))
    for own in names.values():
        own |= {alias for name in own for alias in aliases.get(name, ())}
    return names


def unread_options(texts):
    """(file, line, struct, member) of each option that nothing reads. `texts`: file -> text of all C++ files."""
    reading = {name: without_declarations(text) for name, text in texts.items() if not NO_READERS.match(name)}
    reads = {}  # member -> what it is read from
    for found in READ.finditer("\n".join(reading.values())):
        reads.setdefault(found.group(2), set()).add(found.group(1))
    options = [(name, option) for name, text in texts.items() for option in declared(text)]
    if not options:
        return
    named_as = receivers({struct for _, (struct, _, _) in options}, "\n".join(texts.values()))
    for name, (struct, member, offset) in options:
        if reads.get(member, set()) & named_as[struct]:
            continue
        own = struct_functions(struct, reading.values())
        if not any(re.search(rf"\b{member}\b", inside) for inside in own):
            yield name, texts[name].count("\n", 0, offset) + 1, struct, member


def check_options(texts, exceptions=frozenset(EXCEPTIONS)):
    """(file, line, what is wrong) of each finding; the exceptions must be needed."""
    found = list(unread_options(texts))
    for name, line, struct, member in found:
        if (struct, member) not in exceptions:
            yield name, line, f"nothing reads the option {struct}::{member}"
    structs = {struct: name for name, text in texts.items() for struct, _, _ in declared(text)}
    for struct, member in exceptions - {finding[2:] for finding in found}:
        if struct in structs:
            yield structs[struct], 1, f"{struct}::{member} needs no exception in tests/style/read_options.py"
