#include "base/json.h"

#include <nlohmann/json.hpp>
#include <unordered_set>
#include <vector>

#include "base/errors.h"

namespace r1::base {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxDepth = 100;

/// Looks at the parser's events without building values. The parser's own call-back is no place for
/// this: with one, the parser looks through all elements of an object whenever one of them ends.
class Watch {
 public:
  explicit Watch(const std::string& source) : source_(source) {}

  bool null() { return true; }
  bool boolean(bool) { return true; }
  bool number_integer(json::number_integer_t) { return true; }
  bool number_unsigned(json::number_unsigned_t) { return true; }
  bool number_float(json::number_float_t, const std::string&) { return true; }
  bool string(std::string&) { return true; }
  bool binary(json::binary_t&) { return true; }
  bool start_object(std::size_t) { return open(); }
  bool start_array(std::size_t) { return open(); }
  bool key(std::string& name) {
    if (!keys_.back().insert(name).second)
      throw InputError(fmt::format("{}: key '{}' comes twice", source_, name));
    return true;
  }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool parse_error(std::size_t, const std::string&, const json::exception& error) {
    throw InputError(fmt::format("{}: {}", source_, error.what()));
  }

 private:
  bool open() {
    if (keys_.size() > kMaxDepth)
      throw InputError(
          fmt::format("{}: expected JSON nested at most {} deep, found more", source_, kMaxDepth));
    keys_.emplace_back();
    return true;
  }
  bool close() {
    keys_.pop_back();
    return true;
  }

  const std::string& source_;
  std::vector<std::unordered_set<std::string>> keys_;  // of each object (or list) that is open
};

}  // namespace

json parse_json(std::string_view text, const std::string& source) {
  Watch watch(source);
  try {
    json::sax_parse(text.begin(), text.end(), &watch);
    return json::parse(text.begin(), text.end());
  } catch (const json::exception& error) {
    throw InputError(fmt::format("{}: {}", source, error.what()));
  }
}

}  // namespace r1::base
