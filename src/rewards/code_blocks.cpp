#include "rewards/code_blocks.h"

#include <algorithm>
#include <array>
#include <utility>

#include "data/text.h"

namespace r1::rewards {
namespace {

constexpr std::size_t kTab = 4;

std::string_view line_at(std::string_view text, std::size_t& position) {
  const std::size_t end = std::min(text.find('\n', position), text.size());
  auto line = text.substr(position, end - position);
  position = end + 1;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// What opens a block.
struct Fence {
  char mark = '`';
  std::size_t length = 0;
  std::string_view before;  // blanks, marks of quotations and of a list item
  std::string_view info;
};

/// Behind the "- " or "1. " of a list item at `at`; `at` without one.
std::size_t behind_list_mark(std::string_view line, std::size_t at) {
  std::size_t end = at;
  while (end < line.size() && line[end] >= '0' && line[end] <= '9') ++end;
  const std::string_view marks = end > at ? ".)" : "-*+";
  const bool mark = end < line.size() && marks.find(line[end]) != marks.npos;
  return mark && end + 1 < line.size() && line[end + 1] == ' ' ? end + 2 : at;
}

std::optional<Fence> fence_of(std::string_view line) {
  std::size_t at = 0;
  for (;;) {
    at = std::min(line.find_first_not_of(" \t>", at), line.size());
    const std::size_t behind = behind_list_mark(line, at);
    if (behind == at) break;
    at = behind;
  }
  constexpr std::size_t kShortest = 3;
  const char mark = at < line.size() ? line[at] : ' ';
  if (mark != '`' && mark != '~') return {};
  const std::size_t end = std::min(line.find_first_not_of(mark, at), line.size());
  if (end - at < kShortest) return {};
  const auto info = line.substr(end);
  if (mark == '`' && info.find('`') != info.npos) return {};  // code inside a line
  return Fence{mark, end - at, line.substr(0, at), info};
}

/// The columns that a text takes up.
std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) width += c == '\t' ? kTab - width % kTab : 1;
  return width;
}

/// A line of a block without what stands before its fence: marks of a quotation, then as many
/// columns of blanks.
std::string_view without_indent(std::string_view line, std::string_view before) {
  if (line.starts_with(before)) return line.substr(before.size());
  const auto quotes = std::count(before.begin(), before.end(), '>');
  for (auto quote = quotes; quote > 0; --quote) {
    const std::size_t mark = line.find_first_not_of(' ');
    if (mark == line.npos || line[mark] != '>') break;
    line.remove_prefix(mark + 1);
  }
  std::size_t most = width_of(quotes > 0 ? before.substr(before.rfind('>') + 1) : before);
  while (most > 0 && !line.empty() && (line[0] == ' ' || line[0] == '\t')) {
    most -= std::min(most, line[0] == '\t' ? kTab : 1);
    line.remove_prefix(1);
  }
  return line;
}

bool closes(std::string_view line, const Fence& fence) {
  constexpr std::size_t kMostIndent = 3;
  const auto bare = without_indent(line, fence.before);
  const std::size_t start = bare.find_first_not_of(' ');
  if (start == bare.npos || start > kMostIndent) return false;
  const std::size_t end = std::min(bare.find_first_not_of(fence.mark, start), bare.size());
  return end - start >= fence.length && bare.find_first_not_of(" \t", end) == bare.npos;
}

/// "python" of "python", "{.python .numberLines}", "Python3 title=x", "solution.py".
std::string language_of(std::string_view info) {
  const std::size_t start = info.find_first_not_of(" \t{.");
  if (start == info.npos) return {};
  info = info.substr(start);
  const std::string word = data::lower_ascii(info.substr(0, info.find_first_of(" \t},:;=")));
  if (word.ends_with(".py")) return "python";
  if (word.ends_with(".cpp") || word.ends_with(".cc")) return "cpp";
  return one_language(word);
}

bool is_program_language(const std::string& language) {
  return language == "python" || language == "cpp";
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// Whether one of the test statements uses `name` as a whole word.
bool is_used(const CodeTests& tests, std::string_view name) {
  for (const std::string& statement : tests.statements)
    for (std::size_t at = statement.find(name); at != statement.npos;
         at = statement.find(name, at + 1)) {
      const std::size_t end = at + name.size();
      const bool begins = at == 0 || !is_name_character(statement[at - 1]);
      if (begins && (end == statement.size() || !is_name_character(statement[end]))) return true;
    }
  return false;
}

/// Whether a Python block defines a function or class that the tests use.
bool defines_tested(const CodeBlock& block, const CodeTests& tests) {
  for (std::size_t position = 0; position < block.text.size();) {
    const auto line = line_at(block.text, position);
    for (const std::string_view keyword : {"def ", "async def ", "class "}) {
      if (!line.starts_with(keyword)) continue;
      auto name = line.substr(keyword.size());
      name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
      std::size_t end = 0;
      while (end < name.size() && is_name_character(name[end])) ++end;
      if (end > 0 && is_used(tests, name.substr(0, end))) return true;
    }
  }
  return false;
}

bool reads_input(const CodeBlock& block) {
  constexpr std::array<std::string_view, 8> kReaders{"input(", "stdin",   "open(0",  "cin",
                                                     "scanf",  "getline", "getchar", "fileinput"};
  return std::any_of(kReaders.begin(), kReaders.end(), [&](std::string_view reader) {
    return block.text.find(reader) != std::string::npos;
  });
}

bool has_input(const CodeTests& tests) {
  return std::any_of(tests.runs.begin(), tests.runs.end(),
                     [](const CodeTests::Run& run) { return !data::trim(run.input).empty(); });
}

bool fits(const CodeBlock& block, const CodeTests& tests) {
  if (!tests.statements.empty()) return defines_tested(block, tests);
  return !has_input(tests) || reads_input(block);
}

}  // namespace

std::vector<CodeBlock> code_blocks(std::string_view text) {
  std::vector<CodeBlock> blocks;
  std::optional<Fence> fence;
  CodeBlock open;
  for (std::size_t position = 0; position < text.size();) {
    const auto line = line_at(text, position);
    if (!fence) {
      fence = fence_of(line);
      if (fence) open = {language_of(fence->info), ""};
    } else if (closes(line, *fence)) {
      blocks.push_back(std::exchange(open, {}));
      fence.reset();
    } else {
      open.text.append(without_indent(line, fence->before)).push_back('\n');
    }
  }
  return blocks;
}

std::optional<CodeBlock> find_program(std::string_view text, const CodeTests& tests) {
  const std::vector<CodeBlock> blocks = code_blocks(text);
  if (blocks.empty()) return {};
  for (const bool must_fit : {true, false})
    for (const bool named : {true, false}) {
      const auto found = std::find_if(blocks.rbegin(), blocks.rend(), [&](const CodeBlock& b) {
        const bool language = named ? is_program_language(b.language) : b.language.empty();
        const bool other = named && !tests.language.empty() && b.language != tests.language;
        return language && (!must_fit || (!other && fits(b, tests)));
      });
      if (found != blocks.rend()) return *found;
    }
  return blocks.back();
}

}  // namespace r1::rewards
