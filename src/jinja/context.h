#pragma once
// The limits of one rendering, and the location in its error messages. A template is hostile input,
// because it comes with a third-party model.
#include <fmt/format.h>

#include <cstdint>
#include <ctime>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jinja/value.h"

namespace r1::jinja {

struct Limits {
  std::int64_t steps = 20'000'000;                // computed values, plus copied bytes / 16
  std::size_t text_bytes = std::size_t{1} << 24;  // of one text, including the rendered text
  std::size_t items = 1'000'000;                  // of one list
  std::size_t weight = 10'000'000;  // values in one list, including values of inner lists
};

inline constexpr int kMaxValueDepth = 100;  // nested containers
inline constexpr int kMaxCallDepth = 400;   // nested expressions and statements

/// State of one rendering.
class Context {
 public:
  Context(std::string_view origin, const Limits& limits, std::tm now)
      : origin_(origin), limits_(limits), now_(now) {}

  /// Throws: InputError naming the template and the line.
  [[noreturn]] void fail(const std::string& message) const;
  /// Counts work. Throws: InputError at the limit.
  void spend(std::size_t steps);
  /// Throws: InputError if a text of this many bytes exceeds the limit.
  void check_text(std::size_t bytes) const;
  /// Checks and counts a text of this many bytes before the text is made.
  void spend_text(std::size_t bytes);

  Value list(std::vector<Value> items, SequenceKind kind = SequenceKind::List);
  /// If keys are equal, later entries replace the values of earlier entries.
  Value mapping(std::vector<std::pair<Value, Value>> entries);
  Value text(std::string text) {
    spend_text(text.size());
    return Value(std::move(text));
  }

  const std::tm& now() const { return now_; }
  const std::string* root = nullptr;  // the text of the template rendered so far
  std::vector<std::pair<std::size_t, std::size_t>> generations;  // ranges of generation blocks
  int line = 1;                                                  // of the current expression
  int depth = 0;  // number of nested expressions and statements

 private:
  void check_size(int depth, std::size_t weight) const;

  std::string_view origin_;
  Limits limits_;
  std::tm now_;
  std::int64_t steps_ = 0;
};

/// Counts one level of depth. Throws: InputError if there are too many levels.
class Level {
 public:
  explicit Level(Context& context) : context_(context) {
    if (context.depth >= kMaxCallDepth) context.fail("macros or expressions are nested too deeply");
    ++context.depth;
  }
  ~Level() { --context_.depth; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  Context& context_;
};

/// Arguments of a function, filter, test or method. The operand of a filter, test or method is the
/// first of `values`.
struct Call {
  Context& context;
  std::string_view name;
  std::vector<Value> values;
  std::vector<std::pair<std::string, Value>> named;

  /// Gives `values` one entry per parameter, with named arguments at the positions of their
  /// parameters and Undefined for missing arguments. Throws: InputError for too many, too few or
  /// unknown arguments.
  void bind(std::initializer_list<const char*> parameters, std::size_t num_required);
  [[noreturn]] void fail(const std::string& message) const {
    context.fail(fmt::format("{}: {}", name, message));
  }
};

}  // namespace r1::jinja
