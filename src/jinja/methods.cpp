// Methods of texts, mappings and lists, as in Python. Python's methods that modify their object are
// not available.
#include <algorithm>
#include <span>

#include "jinja/builtins.h"
#include "jinja/operators.h"
#include "jinja/print.h"
#include "jinja/text.h"

namespace r1::jinja {
namespace {

const std::string& self(Call& call) {
  return call.values[0].string();
}

const std::string& text_argument(Call& call, std::size_t at) {
  if (!call.values[at].is_string())
    call.fail(fmt::format("expected a string, found {}", call.values[at].type_name()));
  return call.values[at].string();
}

std::int64_t integer_argument(Call& call, std::size_t at, std::int64_t otherwise) {
  const Value& value = call.values[at];
  if (value.is_undefined() || value.is_none()) return otherwise;
  if (!value.is_integral())
    call.fail(fmt::format("expected an integer, found {}", value.type_name()));
  return value.integer();
}

template <Side side>
Value strip_method(Call& call) {
  call.bind({"self", "chars"}, 1);
  if (call.values[1].is_undefined() || call.values[1].is_none())
    return Value(strip(self(call), side));
  return Value(strip(self(call), side, text_argument(call, 1)));
}

std::vector<Value> words(const std::string& text, std::int64_t limit) {
  std::vector<Value> out;
  std::string_view rest = strip(text, Side::Left);
  while (!rest.empty()) {
    std::size_t end = 0;
    const bool is_last = limit >= 0 && static_cast<std::int64_t>(out.size()) == limit;
    while (!is_last && end < rest.size() && !is_space(code_point(rest.substr(end))))
      end += first_character(rest.substr(end)).size();
    out.emplace_back(is_last ? strip(rest, Side::Right) : rest.substr(0, end));
    if (is_last) break;
    rest = strip(rest.substr(end), Side::Left);
  }
  return out;
}

Value split(Call& call) {
  call.bind({"self", "sep", "maxsplit"}, 1);
  const std::int64_t limit = integer_argument(call, 2, -1);
  call.context.spend(1 + self(call).size() / 16);
  if (call.values[1].is_undefined() || call.values[1].is_none())
    return call.context.list(words(self(call), limit));
  const std::string& separator = text_argument(call, 1);
  if (separator.empty()) call.fail("the separator is empty");
  std::vector<Value> out;
  std::string_view rest = self(call);
  while (limit < 0 || static_cast<std::int64_t>(out.size()) < limit) {
    const std::size_t at = rest.find(separator);
    if (at == std::string_view::npos) break;
    out.emplace_back(rest.substr(0, at));
    rest.remove_prefix(at + separator.size());
  }
  out.emplace_back(rest);
  return call.context.list(std::move(out));
}

Value rsplit(Call& call) {
  call.bind({"self", "sep", "maxsplit"}, 1);
  const std::int64_t limit = integer_argument(call, 2, -1);
  if (call.values[1].is_undefined() || call.values[1].is_none()) {
    if (limit >= 0) call.fail("maxsplit without a separator is not supported");
    return call.context.list(words(self(call), -1));
  }
  const std::string& separator = text_argument(call, 1);
  if (separator.empty()) call.fail("the separator is empty");
  std::vector<Value> out;
  std::string_view rest = self(call);
  while (limit < 0 || static_cast<std::int64_t>(out.size()) < limit) {
    const std::size_t at = rest.rfind(separator);
    if (at == std::string_view::npos) break;
    out.emplace_back(rest.substr(at + separator.size()));
    rest = rest.substr(0, at);
  }
  out.emplace_back(rest);
  std::reverse(out.begin(), out.end());
  return call.context.list(std::move(out));
}

Value partitioned(Call& call, bool from_right) {
  call.bind({"self", "sep"}, 2);
  const std::string& separator = text_argument(call, 1);
  if (separator.empty()) call.fail("the separator is empty");
  const std::string& text = self(call);
  const std::size_t at = from_right ? text.rfind(separator) : text.find(separator);
  std::vector<Value> parts;
  if (at != std::string::npos)
    parts = {Value(text.substr(0, at)), Value(separator),
             Value(text.substr(at + separator.size()))};
  else if (from_right)
    parts = {Value(""), Value(""), Value(text)};
  else
    parts = {Value(text), Value(""), Value("")};
  return call.context.list(std::move(parts), SequenceKind::Tuple);
}
Value partition(Call& call) {
  return partitioned(call, false);
}
Value rpartition(Call& call) {
  return partitioned(call, true);
}

Value splitlines(Call& call) {
  call.bind({"self", "keepends"}, 1);
  std::vector<Value> out;
  for (const auto line : lines(self(call), is_true(call.values[1]))) out.emplace_back(line);
  return call.context.list(std::move(out));
}

/// Whether the text begins (`at_start`) or ends with a text or one of a tuple of them.
Value has_affix(Call& call, bool at_start) {
  call.bind({"self", "affix"}, 2);
  const auto fits = [&](const Value& affix) {
    if (!affix.is_string())
      call.fail(fmt::format("expected a string, found {}", affix.type_name()));
    return at_start ? self(call).starts_with(affix.string()) : self(call).ends_with(affix.string());
  };
  const Value& given = call.values[1];
  if (!given.is_sequence()) return fits(given);
  return std::any_of(given.sequence().items.begin(), given.sequence().items.end(), fits);
}
Value startswith(Call& call) {
  return has_affix(call, true);
}
Value endswith(Call& call) {
  return has_affix(call, false);
}

Value removeprefix(Call& call) {
  call.bind({"self", "prefix"}, 2);
  const std::string& prefix = text_argument(call, 1);
  return self(call).starts_with(prefix) ? Value(self(call).substr(prefix.size())) : call.values[0];
}
Value removesuffix(Call& call) {
  call.bind({"self", "suffix"}, 2);
  const std::string& suffix = text_argument(call, 1);
  return self(call).ends_with(suffix)
             ? Value(self(call).substr(0, self(call).size() - suffix.size()))
             : call.values[0];
}

std::int64_t num_found(Call& call, const std::string& part) {
  if (part.empty()) return static_cast<std::int64_t>(num_characters(self(call))) + 1;
  call.context.spend(1 + self(call).size() / 16);
  std::int64_t count = 0;
  for (std::size_t at = self(call).find(part); at != std::string::npos;
       at = self(call).find(part, at + part.size()))
    ++count;
  return count;
}

Value replace_method(Call& call) {
  call.bind({"self", "old", "new", "count"}, 3);
  const std::string &old = text_argument(call, 1), &with = text_argument(call, 2);
  const std::int64_t limit = integer_argument(call, 3, -1);
  const std::int64_t found = num_found(call, old);
  const auto times = static_cast<std::size_t>(limit < 0 ? found : std::min(limit, found));
  call.context.spend_text(self(call).size() + times * with.size());
  return Value(replace(self(call), old, with, limit));
}

Value upper(Call& call) {
  call.bind({"self"}, 1);
  return call.context.text(to_upper(self(call)));
}
Value lower(Call& call) {
  call.bind({"self"}, 1);
  return call.context.text(to_lower(self(call)));
}
Value capitalize(Call& call) {
  call.bind({"self"}, 1);
  return call.context.text(capitalized(self(call)));
}
Value title(Call& call) {
  call.bind({"self"}, 1);
  return call.context.text(titled(self(call), [](char32_t c) { return !is_letter(c); }));
}

Value place(Call& call, std::size_t at) {
  if (at == std::string::npos) return std::int64_t{-1};
  return static_cast<std::int64_t>(num_characters(self(call).substr(0, at)));
}
Value find(Call& call) {
  call.bind({"self", "sub"}, 2);
  call.context.spend(1 + self(call).size() / 16);
  return place(call, self(call).find(text_argument(call, 1)));
}
Value rfind(Call& call) {
  call.bind({"self", "sub"}, 2);
  call.context.spend(1 + self(call).size() / 16);
  return place(call, self(call).rfind(text_argument(call, 1)));
}
Value index(Call& call) {
  const Value found = find(call);
  if (found.integer() < 0) call.fail("the text is not found");
  return found;
}
Value count(Call& call) {
  call.bind({"self", "sub"}, 2);
  return num_found(call, text_argument(call, 1));
}

Value join(Call& call) {
  call.bind({"self", "iterable"}, 2);
  const auto all = items_of(call.context, call.values[1]);
  for (const Value& item : all)
    if (!item.is_string()) call.fail(fmt::format("expected strings, found {}", item.type_name()));
  return apply_filter(call.context, "join", {call.values[1], call.values[0]}, {});
}

template <bool (*Holds)(char32_t)>
Value all_characters(Call& call) {
  call.bind({"self"}, 1);
  const auto all = characters(self(call));
  return !all.empty() &&
         std::all_of(all.begin(), all.end(), [](auto one) { return Holds(code_point(one)); });
}
bool is_digit(char32_t c) {
  return c >= '0' && c <= '9';
}
bool is_letter_or_digit(char32_t c) {
  return is_letter(c) || is_digit(c);
}
Value isupper(Call& call) {
  call.bind({"self"}, 1);
  return apply_test(call.context, "upper", {call.values[0]}, {});
}
Value islower(Call& call) {
  call.bind({"self"}, 1);
  return apply_test(call.context, "lower", {call.values[0]}, {});
}

/// "{}", "{0}" and "{name}", without format specifications.
Value format(Call& call) {
  std::string out;
  std::size_t next = 1;
  const std::string text = self(call);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((text[i] == '{' || text[i] == '}') && i + 1 < text.size() && text[i + 1] == text[i]) {
      out += text[i++];
      continue;
    }
    if (text[i] != '{') {
      out += text[i];
      continue;
    }
    const std::size_t end = text.find('}', i);
    if (end == std::string::npos) call.fail("'{' without '}'");
    const std::string field = text.substr(i + 1, end - i - 1);
    i = end;
    if (field.find_first_of(".[:!{") != std::string::npos)
      call.fail(fmt::format("the field '{}' is not supported", field));
    const bool is_place = field.find_first_not_of("0123456789") == std::string::npos;
    const auto named = std::find_if(call.named.begin(), call.named.end(),
                                    [&field](const auto& one) { return one.first == field; });
    if (is_place) {
      const std::size_t at = field.empty()      ? next++
                             : field.size() > 3 ? 1000
                                                : std::stoul(field) + 1;
      if (at >= call.values.size()) call.fail("there are fewer values than fields");
      out += to_text(call.context, call.values[at]);
    } else if (named != call.named.end()) {
      out += to_text(call.context, named->second);
    } else {
      call.fail(fmt::format("there is no value for the field '{}'", field));
    }
    call.context.spend_text(out.size());
  }
  return call.context.text(std::move(out));
}

Value keys(Call& call) {
  call.bind({"self"}, 1);
  return call.context.list(items_of(call.context, call.values[0]), SequenceKind::View);
}
Value values(Call& call) {
  call.bind({"self"}, 1);
  std::vector<Value> out;
  for (const auto& entry : call.values[0].mapping().entries) out.push_back(entry.second);
  return call.context.list(std::move(out), SequenceKind::View);
}
Value items(Call& call) {
  call.bind({"self"}, 1);
  std::vector<Value> out;
  for (const auto& [key, value] : call.values[0].mapping().entries)
    out.push_back(call.context.list({key, value}, SequenceKind::Tuple));
  return call.context.list(std::move(out), SequenceKind::View);
}
Value get(Call& call) {
  call.bind({"self", "key", "default"}, 2);
  call.context.spend(call.values[0].mapping().entries.size() / 8);
  if (const Value* found = call.values[0].mapping().find(call.values[1])) return *found;
  return call.values[2].is_undefined() ? Value(None{}) : call.values[2];
}
Value copy(Call& call) {
  call.bind({"self"}, 1);
  return call.values[0];
}

Value list_index(Call& call) {
  call.bind({"self", "value"}, 2);
  const auto& all = call.values[0].sequence().items;
  call.context.spend(1 + call.values[0].weight() / 8);
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&call](const Value& one) { return equal(one, call.values[1]); });
  if (found == all.end()) call.fail("the value is not in the list");
  return static_cast<std::int64_t>(found - all.begin());
}
Value list_count(Call& call) {
  call.bind({"self", "value"}, 2);
  const auto& all = call.values[0].sequence().items;
  call.context.spend(1 + call.values[0].weight() / 8);
  return static_cast<std::int64_t>(std::count_if(
      all.begin(), all.end(), [&call](const Value& one) { return equal(one, call.values[1]); }));
}
/// Templates are rendered in a sandbox in which lists and mappings never change.
Value refuse_change(Call& call) {
  call.fail("a template cannot change a list or mapping");
}

struct Entry {
  std::string_view name;
  Builtin method;
};
constexpr Entry kTextMethods[] = {{"strip", strip_method<Side::Both>},
                                  {"lstrip", strip_method<Side::Left>},
                                  {"rstrip", strip_method<Side::Right>},
                                  {"split", split},
                                  {"rsplit", rsplit},
                                  {"partition", partition},
                                  {"rpartition", rpartition},
                                  {"splitlines", splitlines},
                                  {"startswith", startswith},
                                  {"endswith", endswith},
                                  {"removeprefix", removeprefix},
                                  {"removesuffix", removesuffix},
                                  {"replace", replace_method},
                                  {"upper", upper},
                                  {"lower", lower},
                                  {"capitalize", capitalize},
                                  {"title", title},
                                  {"find", find},
                                  {"rfind", rfind},
                                  {"index", index},
                                  {"count", count},
                                  {"join", join},
                                  {"format", format},
                                  {"isdigit", all_characters<is_digit>},
                                  {"isnumeric", all_characters<is_digit>},
                                  {"isdecimal", all_characters<is_digit>},
                                  {"isalpha", all_characters<is_letter>},
                                  {"isalnum", all_characters<is_letter_or_digit>},
                                  {"isspace", all_characters<is_space>},
                                  {"isupper", isupper},
                                  {"islower", islower}};
constexpr Entry kMappingMethods[] = {{"keys", keys}, {"values", values}, {"items", items},
                                     {"get", get},   {"copy", copy},     {"update", refuse_change}};
constexpr Entry kListMethods[] = {
    {"index", list_index},     {"count", list_count},     {"copy", copy},
    {"append", refuse_change}, {"extend", refuse_change}, {"insert", refuse_change},
    {"pop", refuse_change},    {"remove", refuse_change}, {"reverse", refuse_change},
    {"sort", refuse_change}};

std::span<const Entry> methods_of(const Value& value) {
  if (value.is_string()) return kTextMethods;
  if (value.is_mapping()) return kMappingMethods;
  if (value.is_sequence() && value.sequence().kind != SequenceKind::Generator) return kListMethods;
  return {};
}

}  // namespace

std::shared_ptr<const Function> find_method(const Value& value, const std::string& name) {
  for (const Entry& entry : methods_of(value)) {
    if (entry.name != name) continue;
    return std::make_shared<const Function>(
        Function{name, [value, method = entry.method](Call& call) {
                   call.values.insert(call.values.begin(), value);
                   return method(call);
                 }});
  }
  return nullptr;
}

}  // namespace r1::jinja
