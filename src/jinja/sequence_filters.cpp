// Filters of lists and mappings.
#include <algorithm>
#include <array>
#include <charconv>

#include "jinja/builtins.h"
#include "jinja/operators.h"
#include "jinja/print.h"
#include "jinja/text.h"

namespace r1::jinja {
namespace {

std::vector<Value> items(Call& call) {
  return items_of(call.context, call.values[0]);
}

/// What items are compared by: an attribute of them, texts without regard to case.
Value sort_key(Call& call, const Value& item, const Value& path, bool with_case) {
  const Value key =
      path.is_undefined() || path.is_none() ? item : by_path(call.context, item, path);
  return key.is_string() && !with_case ? call.context.text(to_lower(key.string())) : key;
}

std::vector<std::pair<Value, Value>> keyed(Call& call, std::vector<Value> list, const Value& path,
                                           bool with_case) {
  std::vector<std::pair<Value, Value>> out;
  for (Value& item : list) {
    Value key = sort_key(call, item, path, with_case);
    out.emplace_back(std::move(key), std::move(item));
  }
  return out;
}

Value length_filter(Call& call) {
  call.bind({"object"}, 1);
  return static_cast<std::int64_t>(length(call.context, call.values[0]));
}

Value first(Call& call) {
  call.bind({"seq"}, 1);
  const auto all = items(call);
  return all.empty() ? Value(Undefined{"the first item of an empty list"}) : all.front();
}

Value last(Call& call) {
  call.bind({"seq"}, 1);
  const auto all = items(call);
  return all.empty() ? Value(Undefined{"the last item of an empty list"}) : all.back();
}

Value default_filter(Call& call) {
  call.bind({"value", "default_value", "boolean"}, 1);
  const bool keeps =
      is_true(call.values[2]) ? is_true(call.values[0]) : !call.values[0].is_undefined();
  if (keeps) return call.values[0];
  return call.values[1].is_undefined() ? Value("") : call.values[1];
}

Value join(Call& call) {
  call.bind({"value", "d", "attribute"}, 1);
  const std::string between = to_text(call.context, call.values[1]);
  std::string out;
  bool is_first = true;
  for (const Value& item : items(call)) {
    if (!std::exchange(is_first, false)) out += between;
    out +=
        to_text(call.context,
                call.values[2].is_undefined() ? item : by_path(call.context, item, call.values[2]));
    call.context.spend(1 + between.size() / 16);
    call.context.check_text(out.size());
  }
  return call.context.text(std::move(out));
}

Value list(Call& call) {
  call.bind({"value"}, 1);
  return call.context.list(items(call));
}

Value items_filter(Call& call) {
  call.bind({"value"}, 1);
  const Value& value = call.values[0];
  if (value.is_undefined()) return call.context.list({}, SequenceKind::Generator);
  if (!value.is_mapping())
    call.fail(fmt::format("expected a mapping, found {}", value.type_name()));
  std::vector<Value> pairs;
  for (const auto& [key, entry] : value.mapping().entries)
    pairs.push_back(call.context.list({key, entry}, SequenceKind::Tuple));
  return call.context.list(std::move(pairs), SequenceKind::Generator);
}

Value reverse(Call& call) {
  call.bind({"value"}, 1);
  if (call.values[0].is_string())
    return slice(call.context, call.values[0], {}, {}, std::int64_t{-1});
  auto all = items(call);
  std::reverse(all.begin(), all.end());
  return call.context.list(std::move(all), SequenceKind::Generator);
}

Value sort(Call& call) {
  call.bind({"value", "reverse", "case_sensitive", "attribute"}, 1);
  auto pairs = keyed(call, items(call), call.values[3], is_true(call.values[2]));
  const bool backwards = is_true(call.values[1]);
  std::stable_sort(pairs.begin(), pairs.end(), [&](const auto& a, const auto& b) {
    const int found = order(call.context, a.first, b.first);
    return backwards ? found > 0 : found < 0;
  });
  std::vector<Value> out;
  for (auto& pair : pairs) out.push_back(std::move(pair.second));
  return call.context.list(std::move(out));
}

Value dictsort(Call& call) {
  call.bind({"value", "case_sensitive", "by", "reverse"}, 1);
  if (!call.values[0].is_mapping()) call.fail("expected a mapping");
  const std::string by = call.values[2].is_string() ? call.values[2].string() : "key";
  if (by != "key" && by != "value") call.fail("expected by 'key' or 'value'");
  std::vector<Value> pairs;
  for (const auto& [key, entry] : call.values[0].mapping().entries)
    pairs.push_back(call.context.list({key, entry}, SequenceKind::Tuple));
  Call inner{call.context,
             "dictsort",
             {call.context.list(std::move(pairs)), call.values[3], call.values[1],
              std::int64_t{by == "value"}},
             {}};
  return sort(inner);
}

Value unique(Call& call) {
  call.bind({"value", "case_sensitive", "attribute"}, 1);
  std::vector<Value> seen, out;
  for (auto& [key, item] : keyed(call, items(call), call.values[2], is_true(call.values[1]))) {
    call.context.spend(1 + seen.size() / 4);
    if (std::any_of(seen.begin(), seen.end(),
                    [&key = key](const Value& one) { return equal(one, key); }))
      continue;
    seen.push_back(key);
    out.push_back(std::move(item));
  }
  return call.context.list(std::move(out), SequenceKind::Generator);
}

Value extreme(Call& call, int sign) {
  call.bind({"value", "case_sensitive", "attribute"}, 1);
  auto pairs = keyed(call, items(call), call.values[2], is_true(call.values[1]));
  if (pairs.empty()) return Undefined{"the extreme of an empty list"};
  const auto* best = &pairs.front();
  for (const auto& pair : pairs)
    if (order(call.context, pair.first, best->first) * sign > 0) best = &pair;
  return best->second;
}
Value min(Call& call) {
  return extreme(call, -1);
}
Value max(Call& call) {
  return extreme(call, 1);
}

Value sum(Call& call) {
  call.bind({"iterable", "attribute", "start"}, 1);
  Value total = call.values[2].is_undefined() ? Value(std::int64_t{0}) : call.values[2];
  const Value path = call.values[1];
  for (const Value& item : items(call))
    total =
        binary(call.context, "+", total,
               path.is_undefined() || path.is_none() ? item : by_path(call.context, item, path));
  return total;
}

Value batch(Call& call) {
  call.bind({"value", "linecount", "fill_with"}, 2);
  if (!call.values[1].is_integral() || call.values[1].integer() < 1)
    call.fail("expected a number of items above 0");
  const auto size = static_cast<std::size_t>(call.values[1].integer());
  std::vector<Value> rows, row;
  const auto all = items(call);
  for (std::size_t i = 0; i < all.size(); ++i) {
    row.push_back(all[i]);
    if (row.size() < size && i + 1 < all.size()) continue;
    if (!call.values[2].is_undefined() && !call.values[2].is_none()) {
      call.context.list(std::vector<Value>(std::min<std::size_t>(size, 1'000'001)));
      row.resize(size, call.values[2]);
    }
    rows.push_back(call.context.list(std::exchange(row, {})));
  }
  return call.context.list(std::move(rows), SequenceKind::Generator);
}

Value attr(Call& call) {
  call.bind({"obj", "name"}, 2);
  return attribute(call.context, call.values[0], to_text(call.context, call.values[1]));
}

/// map: an attribute of each item, or a filter on it.
Value map(Call& call) {
  const std::vector<Value> all = items(call);
  std::vector<Value> out;
  const bool by_attribute = call.values.size() == 1;
  if (by_attribute) {
    call.values.resize(1);
    call.bind({"value", "attribute", "default"}, 1);
    if (call.values[1].is_undefined()) call.fail("expected the name of a filter or an attribute");
  } else if (!call.values[1].is_string()) {
    call.fail("expected the name of a filter");
  }
  for (const Value& item : all) {
    if (by_attribute) {
      const Value found = by_path(call.context, item, call.values[1]);
      out.push_back(found.is_undefined() && !call.values[2].is_undefined() ? call.values[2]
                                                                           : found);
      continue;
    }
    std::vector<Value> values{item};
    values.insert(values.end(), call.values.begin() + 2, call.values.end());
    out.push_back(
        apply_filter(call.context, call.values[1].string(), std::move(values), call.named));
  }
  return call.context.list(std::move(out), SequenceKind::Generator);
}

/// Items that a test holds for (`wanted`) or does not; `by_attribute`: of an attribute of theirs.
Value chosen(Call& call, bool wanted, bool by_attribute) {
  const std::size_t first = by_attribute ? 2 : 1;
  if (by_attribute && call.values.size() < 2) call.fail("expected the name of an attribute");
  std::vector<Value> out;
  for (const Value& item : items(call)) {
    const Value subject = by_attribute ? by_path(call.context, item, call.values[1]) : item;
    bool holds = false;
    if (call.values.size() <= first) {
      holds = is_true(subject);
    } else {
      if (!call.values[first].is_string()) call.fail("expected the name of a test");
      std::vector<Value> values{subject};
      values.insert(values.end(), call.values.begin() + static_cast<std::ptrdiff_t>(first) + 1,
                    call.values.end());
      holds = apply_test(call.context, call.values[first].string(), std::move(values), call.named);
    }
    if (holds == wanted) out.push_back(item);
  }
  return call.context.list(std::move(out), SequenceKind::Generator);
}
Value select(Call& call) {
  return chosen(call, true, false);
}
Value reject(Call& call) {
  return chosen(call, false, false);
}
Value selectattr(Call& call) {
  return chosen(call, true, true);
}
Value rejectattr(Call& call) {
  return chosen(call, false, true);
}

struct Entry {
  std::string_view name;
  Builtin filter;
};
constexpr std::array<Entry, 23> kFilters = {{{"length", length_filter},
                                             {"count", length_filter},
                                             {"first", first},
                                             {"last", last},
                                             {"default", default_filter},
                                             {"d", default_filter},
                                             {"join", join},
                                             {"list", list},
                                             {"items", items_filter},
                                             {"reverse", reverse},
                                             {"sort", sort},
                                             {"dictsort", dictsort},
                                             {"unique", unique},
                                             {"min", min},
                                             {"max", max},
                                             {"sum", sum},
                                             {"batch", batch},
                                             {"attr", attr},
                                             {"map", map},
                                             {"select", select},
                                             {"reject", reject},
                                             {"selectattr", selectattr},
                                             {"rejectattr", rejectattr}}};

}  // namespace

Value by_path(Context& context, const Value& value, const Value& path) {
  if (path.is_integral()) return item(context, value, path);
  if (!path.is_string()) context.fail("expected the name of an attribute");
  Value found = value;
  std::string_view rest = path.string();
  while (true) {
    const std::size_t dot = rest.find('.');
    const std::string_view name = rest.substr(0, dot);
    std::int64_t index = 0;
    const auto read = std::from_chars(name.data(), name.data() + name.size(), index);
    const bool is_index =
        !name.empty() && read.ec == std::errc() && read.ptr == name.data() + name.size();
    found = item(context, found, is_index ? Value(index) : Value(name));
    if (dot == std::string_view::npos) return found;
    rest.remove_prefix(dot + 1);
  }
}

Builtin find_sequence_filter(std::string_view name) {
  const auto found = std::find_if(kFilters.begin(), kFilters.end(),
                                  [name](const Entry& entry) { return entry.name == name; });
  return found == kFilters.end() ? nullptr : found->filter;
}

}  // namespace r1::jinja
