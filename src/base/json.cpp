#include "base/json.h"

#include <functional>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <vector>

#include "base/errors.h"

namespace r1::base {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 100;

/// Watches the parser: called for every value and key.
class Watch {
 public:
  explicit Watch(const std::string& source) : source_(source) {}

  bool operator()(int depth, json::parse_event_t event, const json& value) {
    using Event = json::parse_event_t;
    if (depth > kMaxDepth)
      throw InputError(
          fmt::format("{}: expected JSON nested at most {} deep, found more", source_, kMaxDepth));
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key) {
      const auto& key = value.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second)
        throw InputError(fmt::format("{}: key '{}' comes twice", source_, key));
    }
    return true;
  }

 private:
  const std::string& source_;
  std::vector<std::unordered_set<std::string>> keys_;  // of the objects that are open
};

}  // namespace

json parse_json(std::string_view text, const std::string& source) {
  Watch watch(source);
  try {
    return json::parse(text.begin(), text.end(), std::ref(watch));
  } catch (const json::exception& error) {
    throw InputError(fmt::format("{}: {}", source, error.what()));
  }
}

}  // namespace r1::base
