#include "config/bounds.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include "base/options.h"

namespace r1::config {
namespace {

constexpr std::int64_t kMostOfAnything = 1'000'000'000;
constexpr double kLargestReal = 1e15;

// By the end of the dotted key.
constexpr std::array<std::pair<std::string_view, std::int64_t>, 25> kBounds = {{
    {"run.threads", 4096},
    {"rewards.threads", 4096},
    {".ranks", 1'000'000},
    {"roles.generate_ranks", 1'000'000},
    {".tp", 65'536},
    {".ep", 65'536},
    {".cp", 65'536},
    {".dp", 1'000'000},
    {".prompts_per_step", 1'000'000},
    {".samples_per_prompt", 100'000},
    {".prompts_per_chunk", 1'000'000},
    {".num_questions", 10'000'000},
    {".eval_samples", 100'000},
    {".max_new_tokens", 10'000'000},
    {".max_length", 10'000'000},
    {".batch", 1'000'000},
    {".chunks", 1'000'000},
    {".max_num_seqs", 1'000'000},
    {".kv_cache_blocks", 100'000'000},
    {".block_size", 65'536},
    {"data.generate.count", 10'000'000},
    {".held_out_count", 10'000'000},
    {".max_record_bytes", std::int64_t{1} << 30},
    {".seed", std::numeric_limits<std::int64_t>::max()},
    {"metrics.timeline_spans", 100'000'000},
}};

std::int64_t bound_of(const std::string& key) {
  for (const auto& [end, bound] : kBounds)
    if (key.ends_with(end)) return bound;
  return kMostOfAnything;
}

class BoundsVisitor final : public base::OptionVisitor {
 public:
  explicit BoundsVisitor(base::Problems& problems) : problems_(problems) {}

  void operator()(const char*, bool&, const char*) override {}
  void operator()(const char* key, std::int64_t& value, const char*) override {
    check(dotted(key), value);
  }
  void operator()(const char* key, double& value, const char*) override {
    check(dotted(key), value);
  }
  void operator()(const char*, std::string&, const char*) override {}
  void operator()(const char*, std::vector<std::string>&, const char*) override {}
  void operator()(const char*, base::FieldValues&, const char*) override {}
  void operator()(const char* key, std::vector<std::int64_t>& values, const char*) override {
    for (const auto value : values) check(dotted(key), value);
  }
  void operator()(const char* key, std::vector<double>& values, const char*) override {
    for (const auto value : values) check(dotted(key), value);
  }
  void choice(const char*, std::string&, const std::vector<std::string>&, const char*) override {}

 protected:
  bool begin_section(const char* key, const char*) override {
    open_.push_back(dotted(key));
    return true;
  }
  void end_section() override { open_.pop_back(); }
  std::size_t begin_list(const char* key, std::size_t size, const char*) override {
    open_.push_back(dotted(key));
    return size;
  }
  void begin_item(std::size_t index) override {
    open_.push_back(fmt::format("{}[{}]", open_.back(), index));
  }
  void end_list() override { open_.pop_back(); }

 private:
  std::string dotted(const char* key) const {
    return open_.empty() ? key : fmt::format("{}.{}", open_.back(), key);
  }
  void check(const std::string& key, std::int64_t value) {
    const auto bound = bound_of(key);
    problems_.require(value <= bound && value >= -bound, key,
                      fmt::format("expected at most {}, found {}", bound, value));
  }
  void check(const std::string& key, double value) {
    problems_.require(std::abs(value) <= kLargestReal, key,
                      fmt::format("expected at most {:g}, found {:g}", kLargestReal, value));
  }

  base::Problems& problems_;
  std::vector<std::string> open_;  // dotted keys of the sections around
};

}  // namespace

void check_bounds(const Config& config, base::Problems& problems) {
  Config copy = config;  // visitors may write
  BoundsVisitor visitor(problems);
  copy.visit(visitor);
}

}  // namespace r1::config
