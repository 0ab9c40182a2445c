#include "jinja/print.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "jinja/text.h"

namespace r1::jinja {
namespace {

std::string repr_of_text(const std::string& text) {
  const bool has_single = text.find('\'') != std::string::npos;
  const char quote = has_single && text.find('"') == std::string::npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\r')
      out += "\\r";
    else if (c == '\\' || c == quote)
      (out += '\\') += c;
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out + quote;
}

std::string repr_of_mapping(Context& context, const Mapping& mapping) {
  std::string out = "{";
  for (const auto& [key, value] : mapping.entries) {
    if (out.size() > 1) out += ", ";
    out += to_repr(context, key) + ": " + to_repr(context, value);
    context.spend_text(out.size());
  }
  return out + "}";
}

std::string repr_of_sequence(Context& context, const Sequence& sequence) {
  std::string out;
  for (const Value& item : sequence.items) {
    if (&item != sequence.items.data()) out += ", ";
    out += to_repr(context, item);
    context.spend(1);
    context.check_text(out.size());
  }
  switch (sequence.kind) {
    case SequenceKind::Tuple:
      return sequence.items.size() == 1 ? "(" + out + ",)" : "(" + out + ")";
    case SequenceKind::Generator:
      context.fail("a generator is printed: put '| list' or '| join' behind it");
    case SequenceKind::View:
      return "dict_view([" + out + "])";
    case SequenceKind::List:
      break;
  }
  return "[" + out + "]";
}

class JsonWriter {
 public:
  JsonWriter(Context& context, const JsonStyle& style) : context_(context), style_(style) {}

  void write(const Value& value, int level) {
    context_.spend(1);
    if (value.is_string())
      string(value.string());
    else if (value.is_none())
      out_ += "null";
    else if (value.is_bool())
      out_ += value.truth() ? "true" : "false";
    else if (value.is_float())
      number(value.real());
    else if (value.is_int())
      out_ += std::to_string(value.integer());
    else if (value.is_mapping())
      mapping(value.mapping(), level);
    else if (value.is_sequence() && (value.sequence().kind == SequenceKind::List ||
                                     value.sequence().kind == SequenceKind::Tuple))
      list(value.sequence(), level);
    else
      context_.fail(fmt::format("tojson: {} has no form in JSON", value.type_name()));
    context_.check_text(out_.size());
  }

  std::string take() { return std::move(out_); }

 private:
  void line(int level) {
    if (!style_.is_indented) return;
    out_ += '\n';
    for (int i = 0; i < level; ++i) out_ += style_.indent;
  }

  void number(double value) {
    out_ += std::isnan(value)   ? "NaN"
            : std::isinf(value) ? (value > 0 ? "Infinity" : "-Infinity")
                                : float_text(value);
  }

  void list(const Sequence& sequence, int level) {
    if (sequence.items.empty()) {
      out_ += "[]";
      return;
    }
    out_ += '[';
    bool first = true;
    for (const Value& item : sequence.items) {
      if (!std::exchange(first, false)) out_ += style_.item_separator;
      line(level + 1);
      write(item, level + 1);
    }
    line(level);
    out_ += ']';
  }

  void mapping(const Mapping& mapping, int level) {
    if (mapping.entries.empty()) {
      out_ += "{}";
      return;
    }
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : mapping.entries) entries.push_back(&entry);
    if (style_.sort_keys)
      std::stable_sort(entries.begin(), entries.end(), [this](const auto* a, const auto* b) {
        return to_text(context_, a->first) < to_text(context_, b->first);
      });
    out_ += '{';
    bool first = true;
    for (const auto* entry : entries) {
      if (!std::exchange(first, false)) out_ += style_.item_separator;
      line(level + 1);
      key(entry->first);
      out_ += style_.key_separator;
      write(entry->second, level + 1);
    }
    line(level);
    out_ += '}';
  }

  void key(const Value& key) {
    if (key.is_sequence()) context_.fail("tojson: a tuple is no key in JSON");
    if (key.is_string()) return string(key.string());
    out_ += '"';
    write(key, 0);
    out_ += '"';
  }

  void escaped(char32_t code) {
    if (code > 0xFFFF) {
      out_ += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((unsigned(code) - 0x10000) >> 10),
                          0xDC00 + ((unsigned(code) - 0x10000) & 0x3FF));
    } else {
      out_ += fmt::format("\\u{:04x}", unsigned(code));
    }
  }

  void string(std::string_view text) {
    out_ += '"';
    while (!text.empty()) {
      const std::string_view character = first_character(text);
      text.remove_prefix(character.size());
      constexpr std::string_view kFrom = "\"\\\n\r\t\b\f", kTo = "\"\\nrtbf";
      if (const auto at = kFrom.find(character[0]); at != std::string_view::npos)
        (out_ += '\\') += kTo[at];
      else if (static_cast<unsigned char>(character[0]) < 0x20 ||
               (style_.ensure_ascii && static_cast<unsigned char>(character[0]) >= 0x7F))
        escaped(code_point(character));
      else
        out_ += character;
    }
    out_ += '"';
  }

  Context& context_;
  const JsonStyle& style_;
  std::string out_;
};

/// One conversion of a format: "%-5.2f".
struct Conversion {
  std::string flags;
  int width = 0;
  int precision = -1;
  char type = 's';
};

std::string converted(Context& context, const Conversion& conversion, const Value& value) {
  std::string out;
  switch (conversion.type) {
    case 's':
    case 'r':
      out = conversion.type == 's' ? to_text(context, value) : to_repr(context, value);
      if (conversion.precision >= 0) {
        const auto all = characters(out);
        if (all.size() > static_cast<std::size_t>(conversion.precision))
          out.resize(static_cast<std::size_t>(
              all[static_cast<std::size_t>(conversion.precision)].data() - out.data()));
      }
      break;
    case 'd':
    case 'i':
      if (!value.is_number())
        context.fail("%d expects a number, found " + std::string(value.type_name()));
      out = std::to_string(
          value.is_float() ? static_cast<std::int64_t>(std::clamp(value.real(), -9.0e18, 9.0e18))
                           : value.integer());
      break;
    case 'f':
      if (!value.is_number())
        context.fail("%f expects a number, found " + std::string(value.type_name()));
      out =
          fmt::format("{:.{}f}", value.real(), conversion.precision < 0 ? 6 : conversion.precision);
      break;
    default:
      context.fail(fmt::format("the format '%{}' is not supported", conversion.type));
  }
  const auto size = static_cast<int>(std::min<std::size_t>(num_characters(out), 1000));
  const bool left = conversion.flags.find('-') != std::string::npos;
  const bool zeros =
      !left && conversion.type != 's' && conversion.flags.find('0') != std::string::npos;
  const std::string fill(static_cast<std::size_t>(std::max(0, conversion.width - size)),
                         zeros ? '0' : ' ');
  if (left) return out + fill;
  if (zeros && out.starts_with('-')) return "-" + fill + out.substr(1);
  return fill + out;
}

}  // namespace

std::string float_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  char buffer[64];
  const double size = std::fabs(number);
  const bool plain = size == 0.0 || (size >= 1e-4 && size < 1e16);
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(buffer, end.ptr);
  if (plain && text.find('.') == std::string::npos) text += ".0";
  return text;
}

std::string to_text(Context& context, const Value& value) {
  if (value.is_string()) return value.string();
  if (value.is_undefined()) return {};
  return to_repr(context, value);
}

std::string to_repr(Context& context, const Value& value) {
  if (value.is_string()) return repr_of_text(value.string());
  if (value.is_undefined()) return "Undefined";
  if (value.is_none()) return "None";
  if (value.is_bool()) return value.truth() ? "True" : "False";
  if (value.is_int()) return std::to_string(value.integer());
  if (value.is_float()) return float_text(value.real());
  if (value.is_mapping()) return repr_of_mapping(context, value.mapping());
  if (value.is_sequence()) return repr_of_sequence(context, value.sequence());
  context.fail(fmt::format("{} is printed", value.type_name()));
}

std::string to_json(Context& context, const Value& value, const JsonStyle& style) {
  JsonWriter writer(context, style);
  writer.write(value, 0);
  return writer.take();
}

std::string formatted(Context& context, const std::string& format, std::vector<Value> values) {
  std::string out;
  std::size_t used = 0;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out += format[i];
      continue;
    }
    Conversion conversion;
    const auto number = [&](int otherwise) {
      int value = otherwise;
      const char* begin = format.data() + i;
      const auto read = std::from_chars(begin, format.data() + format.size(), value);
      i += static_cast<std::size_t>(read.ptr - begin);
      return std::clamp(value, -1, 1000);
    };
    for (++i; i < format.size() && std::string_view("-0+ ").find(format[i]) != std::string::npos;
         ++i)
      conversion.flags += format[i];
    conversion.width = number(0);
    if (i < format.size() && format[i] == '.') {
      ++i;
      conversion.precision = number(0);
    }
    if (i >= format.size()) context.fail("a format ends with '%'");
    conversion.type = format[i];
    if (conversion.type == '%') {
      out += '%';
      continue;
    }
    if (used >= values.size()) context.fail("a format has more places than there are values");
    out += converted(context, conversion, values[used++]);
    context.spend_text(out.size());
  }
  if (used < values.size()) context.fail("a format has fewer places than there are values");
  return out;
}

}  // namespace r1::jinja
