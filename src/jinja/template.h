#pragma once
// The subset of Jinja that chat templates of models use, rendered as transformers renders it.
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

/// A rendered text, and the ranges of its generation blocks, which are the model's training
/// targets.
struct Rendering {
  std::string text;
  std::vector<std::pair<std::size_t, std::size_t>> generations;  // [begin, end) in bytes, in order
};

/// A parsed template. Immutable, thread-safe.
///
/// Supported statements: if, for (with a condition, else, break, continue), set, macro, call,
/// filter, with, raw, generation. Unsupported: recursive loops, inheritance, includes, imports, "*"
/// before arguments. White space is trimmed as with trim_blocks and lstrip_blocks. Reference:
/// jinja2 3.1.6 with transformers' environment (utils/chat_template_utils.py).
class Template {
 public:
  /// `origin` names the template in errors. Throws: InputError naming the line and the unreadable
  /// construct.
  Template(std::string_view source, std::string origin);
  ~Template();
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;

  /// `variables`: a JSON object. `now`: the time of strftime_now. The range of a generation block
  /// inside a macro counts from the start of the macro's text, as in transformers. Throws:
  /// InputError naming the line and the failing construct, the message of raise_exception, or the
  /// exceeded limit.
  Rendering render(const nlohmann::ordered_json& variables, const std::tm& now,
                   const Limits& limits = {}) const;

 private:
  std::string origin_;
  Body body_;
};

/// The local time.
std::tm local_time();

}  // namespace r1::jinja
