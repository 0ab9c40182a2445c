// Filters of texts and numbers.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "jinja/builtins.h"
#include "jinja/operators.h"
#include "jinja/print.h"
#include "jinja/text.h"

namespace r1::jinja {
namespace {

std::string text_of(Call& call, std::size_t at = 0) {
  return to_text(call.context, call.values[at]);
}

Value trim(Call& call) {
  call.bind({"value", "chars"}, 1);
  const std::string text = text_of(call);
  if (!call.values[1].is_string()) return Value(strip(text, Side::Both));
  return Value(strip(text, Side::Both, call.values[1].string()));
}

Value upper(Call& call) {
  call.bind({"s"}, 1);
  return call.context.text(to_upper(text_of(call)));
}
Value lower(Call& call) {
  call.bind({"s"}, 1);
  return call.context.text(to_lower(text_of(call)));
}
Value capitalize(Call& call) {
  call.bind({"s"}, 1);
  return call.context.text(capitalized(text_of(call)));
}
Value title(Call& call) {
  call.bind({"s"}, 1);
  const auto is_break = [](char32_t c) {
    return is_space(c) || std::u32string_view(U"-([{<").find(c) != std::u32string_view::npos;
  };
  return call.context.text(titled(text_of(call), is_break));
}

Value string(Call& call) {
  call.bind({"object"}, 1);
  return call.context.text(text_of(call));
}

Value tojson(Call& call) {
  call.bind({"x", "ensure_ascii", "indent", "separators", "sort_keys"}, 1);
  JsonStyle style;
  style.ensure_ascii = is_true(call.values[1]);
  style.sort_keys = is_true(call.values[4]);
  const Value& indent = call.values[2];
  if (indent.is_integral()) {
    style.is_indented = true;
    style.indent = std::string(
        static_cast<std::size_t>(std::clamp<std::int64_t>(indent.integer(), 0, 100)), ' ');
  } else if (indent.is_string()) {
    style.is_indented = true;
    style.indent = indent.string();
  }
  if (style.is_indented) style.item_separator.pop_back();
  if (const Value& given = call.values[3]; given.is_sequence()) {
    const auto& both = given.sequence().items;
    if (both.size() != 2 || !both[0].is_string() || !both[1].is_string())
      call.fail("expected two texts as separators");
    style.item_separator = both[0].string();
    style.key_separator = both[1].string();
  }
  return call.context.text(to_json(call.context, call.values[0], style));
}

Value indent(Call& call) {
  call.bind({"s", "width", "first", "blank"}, 1);
  const Value& width = call.values[1];
  std::string margin(std::size_t{4}, ' ');
  if (width.is_string()) margin = width.string();
  if (width.is_integral())
    margin = std::string(
        static_cast<std::size_t>(std::clamp<std::int64_t>(width.integer(), 0, 1000)), ' ');
  const std::string text = text_of(call) + "\n";  // Jinja's own way to keep the last line
  std::string out;
  bool is_first = true;
  for (const std::string_view line : lines(text)) {
    if (!is_first) out += '\n';
    const bool wanted =
        is_first ? is_true(call.values[2]) : !line.empty() || is_true(call.values[3]);
    if (wanted) out += margin;
    out += line;
    is_first = false;
    call.context.spend(1 + (margin.size() + line.size()) / 16);
  }
  return call.context.text(std::move(out));
}

Value replace_filter(Call& call) {
  call.bind({"s", "old", "new", "count"}, 3);
  const Value method = attribute(call.context, Value(text_of(call)), "replace");
  Call inner{call.context, "replace", {Value(text_of(call, 1)), Value(text_of(call, 2))}, {}};
  if (call.values[3].is_integral()) inner.values.push_back(call.values[3]);
  return method.function().call(inner);
}

Value escape(Call& call) {
  call.bind({"s"}, 1);
  std::string out;
  for (const char c : text_of(call))
    out += c == '&'    ? "&amp;"
           : c == '<'  ? "&lt;"
           : c == '>'  ? "&gt;"
           : c == '"'  ? "&#34;"
           : c == '\'' ? "&#39;"
                       : std::string(1, c);
  return call.context.text(std::move(out));
}

Value format(Call& call) {
  std::vector<Value> values(call.values.begin() + 1, call.values.end());
  if (!call.named.empty()) call.fail("named arguments are not supported");
  return call.context.text(formatted(call.context, text_of(call), std::move(values)));
}

Value wordcount(Call& call) {
  call.bind({"s"}, 1);
  std::int64_t count = 0;
  bool inside = false;
  const std::string text = text_of(call);
  for (const std::string_view character : characters(text)) {
    const bool is_word = is_letter(code_point(character)) || character == "_" ||
                         (character[0] >= '0' && character[0] <= '9');
    if (is_word && !inside) ++count;
    inside = is_word;
  }
  return count;
}

std::optional<double> read_real(std::string_view text) {
  text = strip(text, Side::Both);
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0.0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

Value int_filter(Call& call) {
  call.bind({"value", "default", "base"}, 1);
  const Value otherwise = call.values[1].is_undefined() ? Value(std::int64_t{0}) : call.values[1];
  const Value& value = call.values[0];
  if (value.is_integral()) return value.integer();
  std::optional<double> number;
  if (value.is_float()) number = value.real();
  if (value.is_string()) {
    const auto base = call.values[2].is_integral() ? call.values[2].integer() : 10;
    if (base < 2 || base > 36) call.fail("expected a base from 2 to 36");
    std::string_view text = strip(value.string(), Side::Both);
    if (text.starts_with('+')) text.remove_prefix(1);
    std::int64_t whole = 0;
    const auto* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, whole, static_cast<int>(base));
    if (read.ec == std::errc() && read.ptr == end) return whole;
    number = read_real(value.string());
  }
  if (!number || !(std::fabs(*number) < 9e18)) return otherwise;
  return static_cast<std::int64_t>(*number);
}

Value float_filter(Call& call) {
  call.bind({"value", "default"}, 1);
  if (call.values[0].is_number()) return call.values[0].real();
  if (call.values[0].is_string())
    if (const auto number = read_real(call.values[0].string())) return *number;
  return call.values[1].is_undefined() ? Value(0.0) : call.values[1];
}

Value round_filter(Call& call) {
  call.bind({"value", "precision", "method"}, 1);
  if (!call.values[0].is_number()) call.fail("expected a number");
  const std::string method = call.values[2].is_string() ? call.values[2].string() : "common";
  const std::int64_t precision = call.values[1].is_integral() ? call.values[1].integer() : 0;
  if (precision < -300 || precision > 300) call.fail("the precision is out of range");
  const double number = call.values[0].real();
  const double scale = std::pow(10.0, double(precision));
  if (method == "ceil") return std::ceil(number * scale) / scale;
  if (method == "floor") return std::floor(number * scale) / scale;
  if (method != "common") call.fail("expected method common, ceil or floor");
  if (call.values[0].is_integral() && precision >= 0) return call.values[0].integer();
  if (precision <= 0) return std::nearbyint(number * scale) / scale;
  return read_real(fmt::format("{:.{}f}", number, precision)).value_or(number);
}

Value abs_filter(Call& call) {
  call.bind({"x"}, 1);
  const Value& value = call.values[0];
  if (value.is_float()) return std::fabs(value.real());
  if (!value.is_integral())
    call.fail(fmt::format("expected a number, found {}", value.type_name()));
  return value.integer() < 0 ? negated(call.context, value) : Value(value.integer());
}

struct Entry {
  std::string_view name;
  Builtin filter;
};
constexpr std::array<Entry, 19> kFilters = {{{"trim", trim},
                                             {"upper", upper},
                                             {"lower", lower},
                                             {"capitalize", capitalize},
                                             {"title", title},
                                             {"string", string},
                                             {"safe", string},
                                             {"forceescape", escape},
                                             {"escape", escape},
                                             {"e", escape},
                                             {"tojson", tojson},
                                             {"indent", indent},
                                             {"replace", replace_filter},
                                             {"format", format},
                                             {"wordcount", wordcount},
                                             {"int", int_filter},
                                             {"float", float_filter},
                                             {"round", round_filter},
                                             {"abs", abs_filter}}};

}  // namespace

Builtin find_text_filter(std::string_view name) {
  const auto found = std::find_if(kFilters.begin(), kFilters.end(),
                                  [name](const Entry& entry) { return entry.name == name; });
  return found == kFilters.end() ? nullptr : found->filter;
}

}  // namespace r1::jinja
