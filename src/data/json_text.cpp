#include "data/json_text.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/errors.h"

namespace r1::data {
namespace {

/// Builds a value from the parser's events; a float that was written as an integer keeps its
/// digits.
template <class Json>
class Builder {
 public:
  explicit Builder(int nesting) : nesting_(nesting) {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string& written) {
    if (written.find_first_of(".eE") != std::string::npos) return add(value);
    return add(
        Json::binary(typename Json::binary_t::container_type(written.begin(), written.end())));
  }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(typename Json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open(Json::object()); }
  bool start_array(std::size_t) { return open(Json::array()); }
  bool key(std::string& name) {
    key_ = std::move(name);
    return true;
  }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) {
    std::string reason = error.what();
    if (const auto id = reason.find("] "); reason.starts_with("[json.") && id != reason.npos)
      reason.erase(0, id + 2);  // nlohmann's number of the error says nothing to a reader
    return fail("not JSON: " + reason);
  }

  Json take(bool complete) {
    if (!complete) throw base::InputError(error_);
    return std::move(root_);
  }

 private:
  bool fail(std::string error) {
    error_ = std::move(error);
    return false;
  }
  bool add(Json value) {
    place(std::move(value));
    return true;
  }
  Json* place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  bool open(Json value) {
    if (static_cast<int>(open_.size()) >= nesting_)
      return fail("nested deeper than " + std::to_string(nesting_) + " levels");
    open_.push_back(place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  int nesting_;
  Json root_;
  std::vector<Json*> open_;
  std::string key_;
  std::string error_;
};

template <class Json>
bool holds_digits(const Json& value) {
  return value.is_binary() ||
         (value.is_structured() && std::any_of(value.begin(), value.end(), holds_digits<Json>));
}

template <class Json>
void append(const Json& value, std::string& out) {
  if (value.is_binary()) {
    out.append(value.get_binary().begin(), value.get_binary().end());
  } else if (!holds_digits(value)) {
    out += value.dump(-1, ' ', false, Json::error_handler_t::replace);
  } else {
    out += value.is_array() ? '[' : '{';
    bool first = true;
    for (const auto& [key, element] : value.items()) {
      if (!std::exchange(first, false)) out += ',';
      if (value.is_object())
        out += Json(key).dump(-1, ' ', false, Json::error_handler_t::replace) + ':';
      append(element, out);
    }
    out += value.is_array() ? ']' : '}';
  }
}

}  // namespace

template <class Json>
Json parse_json(std::string_view text, int nesting) {
  Builder<Json> builder(nesting);
  const bool complete = Json::sax_parse(text, &builder);
  return builder.take(complete);
}

nlohmann::json parse_json_or_discard(std::string_view text) {
  try {
    return parse_json<nlohmann::json>(text);
  } catch (const base::InputError&) {
    return nlohmann::json(nlohmann::json::value_t::discarded);
  }
}

template <class Json>
std::string dump_json(const Json& value) {
  std::string out;
  append(value, out);
  return out;
}

template <class Json>
std::string json_text(const Json& value) {
  return value.is_string() ? value.template get<std::string>() : dump_json(value);
}

template nlohmann::json parse_json(std::string_view, int);
template nlohmann::ordered_json parse_json(std::string_view, int);
template std::string dump_json(const nlohmann::json&);
template std::string dump_json(const nlohmann::ordered_json&);
template std::string json_text(const nlohmann::json&);
template std::string json_text(const nlohmann::ordered_json&);

}  // namespace r1::data
