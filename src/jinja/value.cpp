#include "jinja/value.h"

#include <algorithm>

namespace r1::jinja {
namespace {

/// Deeper than any container may be, so that these are in none (context.h, kMaxValueDepth).
constexpr int kNeverContained = 1 << 20;

bool equal_mappings(const Mapping& a, const Mapping& b) {
  return a.entries.size() == b.entries.size() &&
         std::all_of(a.entries.begin(), a.entries.end(), [&b](const auto& entry) {
           const Value* other = b.find(entry.first);
           return other != nullptr && equal(entry.second, *other);
         });
}

bool equal_sequences(const Sequence& a, const Sequence& b) {
  return a.kind == b.kind &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), equal);
}

}  // namespace

int Value::depth() const {
  if (is_sequence()) return sequence().depth;
  if (is_mapping()) return mapping().depth;
  return is_object() || is_function() ? kNeverContained : 0;
}

std::size_t Value::weight() const {
  if (is_sequence()) return sequence().weight;
  if (is_mapping()) return mapping().weight;
  return is_string() ? 1 + string().size() / 64 : 1;
}

const char* Value::type_name() const {
  if (is_undefined()) return "an undefined value";
  if (is_none()) return "none";
  if (is_bool()) return "a boolean";
  if (is_int()) return "an integer";
  if (is_float()) return "a float";
  if (is_string()) return "a string";
  if (is_mapping()) return "a mapping";
  if (is_function()) return "a function";
  if (is_object()) return object()->type_name();
  switch (sequence().kind) {
    case SequenceKind::List:
      return "a list";
    case SequenceKind::Tuple:
      return "a tuple";
    case SequenceKind::Generator:
      return "a generator";
    case SequenceKind::View:
      break;
  }
  return "a view of a mapping";
}

const Value* Mapping::find(const Value& key) const {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&key](const auto& entry) { return equal(entry.first, key); });
  return found == entries.end() ? nullptr : &found->second;
}

const Value* Mapping::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [key](const auto& entry) {
    return entry.first.is_string() && entry.first.string() == key;
  });
  return found == entries.end() ? nullptr : &found->second;
}

bool equal(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return a.integer() == b.integer();
  if (a.is_number() && b.is_number()) return a.real() == b.real();
  if (a.is_string() && b.is_string()) return a.string() == b.string();
  if (a.is_sequence() && b.is_sequence()) return equal_sequences(a.sequence(), b.sequence());
  if (a.is_mapping() && b.is_mapping()) return equal_mappings(a.mapping(), b.mapping());
  if (a.is_object() && b.is_object()) return a.object() == b.object();
  if (a.is_function() && b.is_function()) return &a.function() == &b.function();
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined());
}

bool is_true(const Value& value) {
  if (value.is_undefined() || value.is_none()) return false;
  if (value.is_integral()) return value.integer() != 0;
  if (value.is_float()) return value.real() != 0.0;
  if (value.is_string()) return !value.string().empty();
  if (value.is_mapping()) return !value.mapping().entries.empty();
  if (value.is_sequence())
    return value.sequence().kind == SequenceKind::Generator || !value.sequence().items.empty();
  return true;
}

}  // namespace r1::jinja
