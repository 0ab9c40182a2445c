#include "tokenizer/pre_tokenizer.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>

#include "base/errors.h"
#include "tokenizer/unicode_versions.h"

namespace r1::tokenizer {
namespace {

constexpr std::size_t kJitStackStart = 32 * 1024;  // bytes
constexpr std::size_t kJitStackLimit = 1024 * 1024;

std::string message_of(int code) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(code, text, sizeof(text));
  return reinterpret_cast<const char*>(text);
}

// White space as Unicode defines it and as tokenizer.json's patterns mean it. PCRE2's own \s has
// U+180E besides, which lost that property in Unicode 6.3.
constexpr const char* kWhiteSpace =
    R"(\t-\r \x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000})";

/// The pattern with \s, \S and \p{X} written out as the character classes that `tokenizers` has.
class PatternSpeller {
 public:
  explicit PatternSpeller(const std::string& pattern) : rest_(pattern) {}

  std::string spell() {
    while (!rest_.empty()) {
      if (rest_[0] == '\\') {
        spell_escape();
        continue;
      }
      if (rest_[0] == '[' || rest_[0] == ']') in_class_ = rest_[0] == '[';
      take(1);
    }
    return std::move(text_);
  }

 private:
  void take(std::size_t count) {
    text_ += rest_.substr(0, count);
    rest_.remove_prefix(std::min(count, rest_.size()));
  }
  void replace(std::size_t count, std::string_view characters, bool negated = false) {
    text_ +=
        in_class_ ? std::string(characters) : fmt::format("[{}{}]", negated ? "^" : "", characters);
    rest_.remove_prefix(count);
  }
  void spell_escape() {
    if (rest_.starts_with("\\s")) return replace(2, kWhiteSpace);
    if (rest_.starts_with("\\S") && !in_class_) return replace(2, kWhiteSpace, true);
    const bool negated = rest_.starts_with("\\P{") && !in_class_;
    if (rest_.starts_with("\\p{") || negated) {
      const std::size_t end = std::min(rest_.find('}'), rest_.size() - 1);
      const auto name = rest_.substr(3, end - 3);
      const auto newer = newer_code_points(name);
      if (!newer.empty()) return replace(end + 1, fmt::format("\\p{{{}}}{}", name, newer), negated);
    }
    take(2);
  }

  std::string_view rest_;
  std::string text_;
  bool in_class_ = false;
};

pcre2_code* compile(const std::string& pattern) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr);
  if (code == nullptr)
    throw base::InputError(fmt::format("pre-tokenizer pattern {}: {} (at byte {})", pattern,
                                       message_of(error), offset));
  return code;
}

}  // namespace

struct PreTokenizer::Pattern {
  explicit Pattern(const std::string& text) : code(compile(PatternSpeller(text).spell())) {
    jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;
  }
  ~Pattern() { pcre2_code_free(code); }
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  pcre2_code* code;
  bool jit;  // false where the processor or the library has none: slower, same results
};

struct PreTokenizer::Workspace::Match {
  Match()
      : data(pcre2_match_data_create(1, nullptr)),
        context(pcre2_match_context_create(nullptr)),
        stack(pcre2_jit_stack_create(kJitStackStart, kJitStackLimit, nullptr)) {
    pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~Match() {
    pcre2_jit_stack_free(stack);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
  }
  Match(const Match&) = delete;
  Match& operator=(const Match&) = delete;

  pcre2_match_data* data;
  pcre2_match_context* context;
  pcre2_jit_stack* stack;
};

PreTokenizer::Workspace::Workspace() : match_(std::make_unique<Match>()) {}
PreTokenizer::Workspace::~Workspace() = default;

PreTokenizer::PreTokenizer(const std::vector<std::string>& patterns) {
  for (const std::string& pattern : patterns)
    patterns_.push_back(std::make_unique<Pattern>(pattern));
}
PreTokenizer::~PreTokenizer() = default;

const std::vector<std::string_view>& PreTokenizer::split(std::string_view text,
                                                         Workspace& workspace) const {
  workspace.pieces_.assign(1, text);
  for (const auto& pattern : patterns_) {
    workspace.next_.clear();
    for (const std::string_view piece : workspace.pieces_) split_piece(*pattern, piece, workspace);
    workspace.pieces_.swap(workspace.next_);
  }
  return workspace.pieces_;
}

void PreTokenizer::split_piece(const Pattern& pattern, std::string_view piece,
                               Workspace& workspace) const {
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(piece.data());
  const auto& match = *workspace.match_;
  const auto matcher = pattern.jit ? pcre2_jit_match : pcre2_match;
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(match.data);
  std::size_t done = 0;  // everything before it is in a piece
  for (std::size_t from = 0; from < piece.size();) {
    const int result = matcher(pattern.code, subject, piece.size(), from, PCRE2_NO_UTF_CHECK,
                               match.data, match.context);
    if (result == PCRE2_ERROR_NOMATCH) break;
    if (result < 0)
      throw base::InputError(fmt::format("text of {} bytes cannot be split into words: {}",
                                         piece.size(), message_of(result)));
    if (bounds[1] <= bounds[0]) {  // an empty match cuts nothing off: go on one character later
      do ++from;
      while (from < piece.size() && (static_cast<unsigned char>(piece[from]) & 0xC0) == 0x80);
      continue;
    }
    if (bounds[0] > done) workspace.next_.push_back(piece.substr(done, bounds[0] - done));
    workspace.next_.push_back(piece.substr(bounds[0], bounds[1] - bounds[0]));
    from = done = bounds[1];
  }
  if (done < piece.size()) workspace.next_.push_back(piece.substr(done));
}

}  // namespace r1::tokenizer
