#include "jinja/template.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "jinja/evaluator.h"
#include "jinja/parser.h"

namespace r1::jinja {
namespace {

using Json = nlohmann::ordered_json;

Value from_json(Context& context, const Json& json) {
  const Level level(context);
  switch (json.type()) {
    case Json::value_t::null:
      return None{};
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_integer:
      return json.get<std::int64_t>();
    case Json::value_t::number_unsigned: {
      const auto number = json.get<std::uint64_t>();
      if (number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return json.get<double>();
      return static_cast<std::int64_t>(number);
    }
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      return Value(json.get<std::string>());
    case Json::value_t::array: {
      std::vector<Value> items;
      for (const Json& item : json) items.push_back(from_json(context, item));
      return context.list(std::move(items));
    }
    case Json::value_t::object: {
      std::vector<std::pair<Value, Value>> entries;
      for (const auto& [key, value] : json.items())
        entries.emplace_back(Value(key), from_json(context, value));
      return context.mapping(std::move(entries));
    }
    case Json::value_t::binary:
    case Json::value_t::discarded:
      break;
  }
  context.fail("a variable of the template has no form in JSON");
}

}  // namespace

Template::Template(std::string_view source, std::string origin)
    : origin_(std::move(origin)), body_(parse(source, origin_)) {}
Template::~Template() = default;
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;

Rendering Template::render(const Json& variables, const std::tm& now, const Limits& limits) const {
  Context context(origin_, limits, now);
  Scope scope;
  for (const auto& [name, value] : variables.items()) scope.set(name, from_json(context, value));
  Rendering rendering;
  rendering.text = render_body(context, body_, scope);
  rendering.generations = std::move(context.generations);
  return rendering;
}

std::tm local_time() {
  const std::time_t seconds = std::time(nullptr);
  std::tm now{};
  localtime_r(&seconds, &now);
  return now;
}

}  // namespace r1::jinja
