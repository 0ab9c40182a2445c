// Decode on one GPU: milliseconds of a step and tokens a second of the engine with random weights
// in published shapes, beside the floor that the memory's speed sets. tests/bench/gpu.py prints it.
//
//   bench_decode DEVICE [ROW...] [--new TOKENS] [--top-p P] [--eager] [--profile FILE]
//   bench_decode DEVICE ROW... --mean TOKENS [--spread S] [--prompts N] [--new TOKENS]
//
// ROW: MODELxSEQUENCES, such as 1.5Bx64 (default: the rows of the project's goals). One JSON line a
// row, medians of three runs after a first one: "step_ms" and "tokens_per_second" of decode alone
// (the difference between runs of all and of one new token), "prompt_seconds" (the run of one
// token), "floor_ms": weights (of experts those that the tokens are expected to choose) and the
// cached tokens, halfway through, read once at 4.3e12 bytes a second.
//
// With --mean: lengths are log-normal with this mean and at most --new tokens (the standard
// deviation of their logarithm is --spread, by default 1), for --prompts prompts (default 512) with
// at most SEQUENCES of them at once. One run of them and one in which all have the mean length;
// "tokens_per_second" of each as a whole, and their ratio.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/timer.h"
#include "generation/engine.h"
#include "generation/turn_taker.h"
#include "kernels/cuda_library.h"
#include "models/registry.h"
#include "tensor/profile.h"

namespace {

using namespace r1;

constexpr double kBytesPerSecond = 4.3e12;
constexpr std::size_t kPrompt = 128;
constexpr int kRepeats = 3;

models::ModelShape shape_of(const std::string& name) {
  models::ModelShape s;
  const auto fill = [&s](const char* architecture, std::int64_t vocab, std::int64_t hidden,
                         std::int64_t layers, std::int64_t heads, std::int64_t kv_heads,
                         std::int64_t inner, bool tied) {
    s.architecture = architecture;
    s.vocab_size = vocab;
    s.hidden_size = hidden;
    s.num_hidden_layers = layers;
    s.num_attention_heads = heads;
    s.num_key_value_heads = kv_heads;
    s.intermediate_size = inner;
    s.tie_word_embeddings = tied;
    s.max_position_embeddings = 8192;
  };
  if (name == "135M") {
    fill("llama", 49152, 576, 30, 9, 3, 1536, true);  // SmolLM2
  } else if (name == "1.5B") {
    fill("qwen2", 151936, 1536, 28, 12, 2, 8960, true);  // Qwen2.5
  } else if (name == "7B") {
    fill("qwen2", 152064, 3584, 28, 28, 4, 18944, false);  // Qwen2.5
  } else if (name == "16B-A3B") {
    fill("deepseek_v3", 163840, 2048, 27, 16, 16, 11264, false);  // Moonlight
    s.latent_attention = {.q_lora_rank = 0,
                          .kv_lora_rank = 512,
                          .qk_nope_head_dim = 128,
                          .qk_rope_head_dim = 64,
                          .v_head_dim = 128};
    s.experts.num_experts = 64;
    s.experts.num_experts_per_token = 6;
    s.experts.num_shared_experts = 2;
    s.experts.moe_intermediate_size = 1408;
    s.experts.num_dense_layers = 1;
  } else {
    fmt::print(stderr, "unknown model '{}': expected 135M, 1.5B, 7B or 16B-A3B\n", name);
    std::exit(2);
  }
  return s;
}

struct Options {
  std::int64_t new_tokens = 256;
  double top_p = 1.0;
  bool eager = false;
  double mean = 0.0;  // of log-normal lengths; 0: all samples have new_tokens
  double spread = 1.0;
  std::int64_t prompts = 512;
  std::string profile;
};

/// Ends every sample at a length of its own, which its first tokens decide: a hash of them is the
/// seed of a log-normal number.
class LogNormalLengths final : public generation::TurnTaker {
 public:
  LogNormalLengths(double mean, double spread) : mean_(mean), spread_(spread) {}
  std::int64_t wait_steps() const override { return 0; }
  generation::TurnEnd turn_end(const data::Completion& completion, bool /*ended*/) const override {
    const auto& ids = completion.token_ids;
    if (ids.size() < 2) return generation::TurnEnd::No;
    const auto seed =
        base::derive_seed({static_cast<std::uint64_t>(ids[0]), static_cast<std::uint64_t>(ids[1])});
    // The mean of exp(normal(m, s)) is exp(m + s^2 / 2).
    const auto length =
        std::exp(std::log(mean_) - spread_ * spread_ / 2 + spread_ * base::normal(seed, 0));
    return static_cast<double>(ids.size()) >= length ? generation::TurnEnd::Last
                                                     : generation::TurnEnd::No;
  }
  void ask(const generation::SampleOrigin&, const data::Completion&, bool) override {}
  generation::TurnAnswer next_answer() override { return {}; }
  void progress() override {}

 private:
  double mean_, spread_;
};

std::vector<generation::Request> requests_of(std::int64_t count) {
  std::vector<generation::Request> requests;
  for (std::int64_t i = 0; i < count; ++i) {
    base::RandomStream stream(static_cast<std::uint64_t>(i));
    generation::Request request{{}, {static_cast<std::uint64_t>(i)}};
    for (std::size_t t = 0; t < kPrompt; ++t)
      request.prompt_ids.push_back(static_cast<data::TokenId>(stream.integer(3, 40000)));
    requests.push_back(std::move(request));
  }
  return requests;
}

/// Parameters that a step of `count` sequences reads: of experts those that somebody chooses.
double parameters_read(const models::Model& model, std::int64_t count) {
  const auto& shape = model.shape();
  auto parameters = static_cast<double>(model.num_parameters());
  if (!shape.tie_word_embeddings)
    parameters -= static_cast<double>(shape.vocab_size * shape.hidden_size);
  const auto& experts = shape.experts;
  if (experts.num_experts == 0) return parameters;
  const auto chosen =
      static_cast<double>(experts.num_experts_per_token) / static_cast<double>(experts.num_experts);
  const auto of_experts = static_cast<double>((shape.num_hidden_layers - experts.num_dense_layers) *
                                              experts.num_experts * 3 * shape.hidden_size *
                                              experts.moe_intermediate_size);
  return parameters - of_experts * std::pow(1.0 - chosen, static_cast<double>(count));
}

void measure_lengths(const std::string& row, generation::Engine& engine, const Options& options) {
  const auto requests = requests_of(options.prompts);
  const auto rate = [&](std::int64_t new_tokens, generation::TurnTaker* lengths) {
    generation::SamplingOptions sampling;
    sampling.max_new_tokens = new_tokens;
    sampling.ignore_eos = true;
    engine.generate(requests, sampling, {}, {}, nullptr, lengths);
    const auto& statistics = engine.statistics();
    return static_cast<double>(statistics.new_tokens) / statistics.seconds;
  };
  LogNormalLengths lengths(options.mean, options.spread);
  rate(options.new_tokens, &lengths);  // warms up, with the memory of the longest
  const auto varied = rate(options.new_tokens, &lengths);
  const auto counts = engine.statistics();
  const auto fixed = rate(static_cast<std::int64_t>(options.mean), nullptr);
  fmt::print(
      "{{\"work\": \"log-normal {}\", \"spread\": {}, \"mean_new_tokens\": {:.0f}, "
      "\"tokens_per_second\": {:.0f}, "
      "\"fixed_tokens_per_second\": {:.0f}, \"ratio\": {:.3f}, \"preempted\": {}}}\n",
      row, options.spread,
      static_cast<double>(counts.new_tokens) / static_cast<double>(options.prompts), varied, fixed,
      varied / fixed, counts.preempted);
  std::fflush(stdout);
}

void measure(const std::string& row, at::Device device, const Options& options) {
  const auto cut = row.find('x');
  const auto count = std::stoll(row.substr(cut + 1));
  const auto model = models::make_model(shape_of(row.substr(0, cut)), at::kBFloat16, device);
  models::randomize(*model, 1);
  generation::EngineOptions engine_options;
  engine_options.max_num_seqs = count;
  engine_options.enforce_eager = options.eager;
  engine_options.max_num_batched_tokens = 16384;
  generation::Engine engine(*model, engine_options);
  if (options.mean > 0.0) return measure_lengths(row, engine, options);
  const auto requests = requests_of(count);
  const auto run = [&](std::int64_t new_tokens) {
    generation::SamplingOptions sampling;
    sampling.max_new_tokens = new_tokens;
    sampling.ignore_eos = true;
    sampling.top_p = options.top_p;
    engine.generate(requests, sampling, {});
    return engine.statistics().seconds;
  };
  const auto median = [&](std::int64_t new_tokens) {
    std::vector<double> seconds;
    for (int i = 0; i < kRepeats; ++i) seconds.push_back(run(new_tokens));
    std::nth_element(seconds.begin(), seconds.begin() + kRepeats / 2, seconds.end());
    return seconds[kRepeats / 2];
  };
  run(options.new_tokens);
  const double all = median(options.new_tokens), prompt = median(1);
  const double step = (all - prompt) / static_cast<double>(options.new_tokens - 1);
  const double cached = static_cast<double>(count) *
                        (kPrompt + static_cast<double>(options.new_tokens) / 2.0) *
                        static_cast<double>(model->cache_layout().values_per_token());
  const double floor = 2.0 * (parameters_read(*model, count) + cached) / kBytesPerSecond;
  fmt::print(
      "{{\"work\": \"decode {}\", \"step_ms\": {:.3f}, \"tokens_per_second\": {:.0f}, "
      "\"prompt_seconds\": {:.3f}, \"floor_ms\": {:.3f}, \"top_p\": {}, \"eager\": {}}}\n",
      row, step * 1e3, static_cast<double>(count) / step, prompt, floor * 1e3, options.top_p,
      options.eager);
  std::fflush(stdout);
  if (options.profile.empty()) return;
  tensor::Profile profile(device);
  run(24);
  profile.write(options.profile);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> rows, arguments(argv + 1, argv + argc);
  Options options;
  std::optional<std::string> device;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& argument = arguments[i];
    const auto value = [&] { return i + 1 < arguments.size() ? arguments[++i] : std::string("0"); };
    if (argument == "--new")
      options.new_tokens = std::stoll(value());
    else if (argument == "--top-p")
      options.top_p = std::stod(value());
    else if (argument == "--mean")
      options.mean = std::stod(value());
    else if (argument == "--spread")
      options.spread = std::stod(value());
    else if (argument == "--prompts")
      options.prompts = std::stoll(value());
    else if (argument == "--profile")
      options.profile = value();
    else if (argument == "--eager")
      options.eager = true;
    else if (!device)
      device = argument;
    else
      rows.push_back(argument);
  }
  if (rows.empty()) rows = {"1.5Bx64", "1.5Bx256", "7Bx64", "7Bx128", "135Mx256"};
  const auto place = kernels::open_device(device.value_or("cuda"), 0);
  for (const auto& row : rows) measure(row, place, options);
}
