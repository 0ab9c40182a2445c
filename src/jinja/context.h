#pragma once
// What one rendering may use up, and how its errors say where they are. A template is hostile
// input: it comes with a model that others made.
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
  std::int64_t steps = 20'000'000;                // values computed and bytes copied / 16
  std::size_t text_bytes = std::size_t{1} << 24;  // of one text, the rendered one too
  std::size_t items = 1'000'000;                  // of one list
  std::size_t weight = 10'000'000;  // values in one list, those of inner lists counted too
};

inline constexpr int kMaxValueDepth = 100;  // containers inside each other
inline constexpr int kMaxCallDepth = 400;   // expressions and statements that wait for inner ones

/// State of one rendering.
class Context {
 public:
  Context(std::string_view origin, const Limits& limits, std::tm now)
      : origin_(origin), limits_(limits), now_(now) {}

  /// Throws: InputError that names the template and the line.
  [[noreturn]] void fail(const std::string& message) const;
  /// Counts work. Throws: InputError when the limit is reached.
  void spend(std::size_t steps);
  /// Throws: InputError where a text of so many bytes is longer than the limit.
  void check_text(std::size_t bytes) const;
  /// Checks and counts a text of so many bytes before it is made.
  void spend_text(std::size_t bytes);

  Value list(std::vector<Value> items, SequenceKind kind = SequenceKind::List);
  /// Later entries of equal keys replace the earlier ones' values.
  Value mapping(std::vector<std::pair<Value, Value>> entries);
  Value text(std::string text) {
    spend_text(text.size());
    return Value(std::move(text));
  }

  const std::tm& now() const { return now_; }
  const std::string* root = nullptr;  // the text of the whole template, as far as it is rendered
  std::vector<std::pair<std::size_t, std::size_t>> generations;  // of generation blocks, in it
  int line = 1;                                                  // of what is computed
  int depth = 0;  // what waits for inner expressions and statements

 private:
  void check_size(int depth, std::size_t weight) const;

  std::string_view origin_;
  Limits limits_;
  std::tm now_;
  std::int64_t steps_ = 0;
};

/// Counts one level of depth. Throws: InputError when there are too many.
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

/// Arguments of a function, filter, test or method. What a filter, test or method works on is the
/// first of `values`.
struct Call {
  Context& context;
  std::string_view name;
  std::vector<Value> values;
  std::vector<std::pair<std::string, Value>> named;

  /// Gives `values` an entry for each parameter, Undefined where none was given, named ones at
  /// their place. Throws: InputError for too many, too few or unknown ones.
  void bind(std::initializer_list<const char*> parameters, std::size_t num_required);
  [[noreturn]] void fail(const std::string& message) const {
    context.fail(fmt::format("{}: {}", name, message));
  }
};

}  // namespace r1::jinja
