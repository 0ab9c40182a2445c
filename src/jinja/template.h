#pragma once
// Jinja as the chat templates of models use it, rendered as transformers renders it.
#include <ctime>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jinja/context.h"
#include "jinja/syntax.h"

namespace r1::jinja {

/// A rendered text and where its generation blocks stand in it: what the model is to learn.
struct Rendering {
  std::string text;
  std::vector<std::pair<std::size_t, std::size_t>> generations;  // [begin, end) in bytes, in order
};

/// A template that has been read. Immutable, thread-safe.
///
/// Statements: if, for (with a condition, else, break, continue), set, macro, call, filter, with,
/// raw, generation. Not part of it: recursive loops, inheritance, includes, imports, "*" before
/// arguments. Blocks are trimmed as with trim_blocks and lstrip_blocks.
/// Reference: jinja2 3.1.6 with transformers' environment (utils/chat_template_utils.py).
class Template {
 public:
  /// `origin` names the template in errors. Throws: InputError naming the line and what cannot be
  /// read.
  Template(std::string_view source, std::string origin);
  ~Template();
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;

  /// `variables`: a JSON object; `now`: the time of strftime_now. A generation block inside a macro
  /// counts from where the macro's text begins, as in transformers.
  /// Throws: InputError naming the line and the construct that fails, the template's own refusal
  /// (raise_exception), or the limit that is reached.
  Rendering render(const nlohmann::ordered_json& variables, const std::tm& now,
                   const Limits& limits = {}) const;

 private:
  std::string origin_;
  Body body_;
};

/// The local time.
std::tm local_time();

}  // namespace r1::jinja
