// init: a first configuration for a model and a data file, written after reading both.
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <map>
#include <string_view>

#include "base/errors.h"
#include "base/files.h"
#include "base/log.h"
#include "commands/commands.h"
#include "config/load.h"
#include "config/option_tree.h"
#include "data/fields.h"
#include "data/missing_answers.h"
#include "data/record_reader.h"
#include "data/sft.h"
#include "device_choice.h"
#include "model_loading.h"
#include "model_path.h"
#include "plan/plan_search.h"
#include "stage_inputs.h"
#include "tokenizer/chat_template.h"

namespace r1::mpi {
namespace {

using config::Stage;

/// The word as a shell reads it back: in quotes where it holds more than the letters of most paths.
std::string shell_word(const std::string& word) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) || c >= 0x80 ||
           std::string_view("/._-+=:,@%").find(c) != std::string_view::npos;
  };
  if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

/// A TOML file in the making: sections in their order, each line with its reason.
class TomlText {
 public:
  void set(const std::string& section, const std::string& key, const std::string& value,
           const std::string& reason = "") {
    if (lines_.count(section) == 0) order_.push_back(section);
    auto& lines = lines_[section];
    std::erase_if(lines, [&](const auto& line) { return line.first == key; });
    lines.emplace_back(key,
                       fmt::format("{} = {}{}", key, value, reason.empty() ? "" : "  # " + reason));
  }
  void set_text(const std::string& section, const std::string& key, const std::string& value,
                const std::string& reason = "") {
    set(section, key, config::toml_string(value), reason);
  }
  /// "roles.policy.train.tp=2", as a search of layouts writes it.
  void set(const std::string& setting, const std::string& reason) {
    const auto equals = setting.find('=');
    const auto dot = setting.rfind('.', equals);
    const auto value = setting.substr(equals + 1);
    const bool is_word = !value.empty() && std::isalpha(static_cast<unsigned char>(value[0])) &&
                         value != "true" && value != "false";
    set(setting.substr(0, dot), setting.substr(dot + 1, equals - dot - 1),
        is_word ? config::toml_string(value) : value, reason);
  }
  std::string text() const {
    std::string out;
    for (const auto& section : order_) {
      out += fmt::format("\n{}\n",
                         section == "rewards.parts" ? "[[rewards.parts]]" : "[" + section + "]");
      for (const auto& [key, line] : lines_.at(section)) out += line + "\n";
    }
    return out;
  }

 private:
  std::vector<std::string> order_;
  std::map<std::string, std::vector<std::pair<std::string, std::string>>> lines_;
};

/// What the first records of the file say.
struct FoundData {
  Stage stage = Stage::Rl;
  data::DataOptions options;                            // with the fields that were found
  std::string problem_field, answer_field;              // empty: the defaults find them
  std::int64_t longest_prompt = 0, longest_record = 0;  // tokens
  std::int64_t num_read = 0;
};

std::int64_t rounded_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

class Initializer {
 public:
  explicit Initializer(const CommandLine& line) : line_(line) {
    model_.path = find_model(line.model);
    shape_ = model_shape(model_);
    text_ = load_text_model(model_, shape_.vocab_size);
    has_template_ = tokenizer::has_default_chat_template(text_.tokenizer->definition());
    found_.options.prompt_template = has_template_ ? "chat" : "r1_zero";
    read_data();
  }

  std::string write() {
    describe();
    auto loaded = load();
    auto& config = loaded.config;
    choose_planned_device(config);
    config.model.shape = shape_;
    const auto ranks = std::max<std::int64_t>(1, line_.gpus);
    const auto layout = plan::best_layout(config, found_.stage, ranks, {0.95, true, ranks});
    for (const auto& setting : layout.settings)
      if (setting.rfind("model.shape", 0) != 0) toml_.set(setting, "by plan");
    if (!layout.fits)
      throw base::ConfigError(fmt::format(
          "init: {} does not fit on {} ranks of {} for {}, whatever the layout ({:.0f} GB a rank): "
          "more GPUs (--gpus), a machine with more memory (--machine), or adapters instead of all "
          "weights (configs/examples/README.md, \"Adapters\")",
          line_.model, ranks, layout.plan.machine.name, config::name_of(found_.stage),
          layout.plan.most_bytes() / 1e9));
    const auto checked = load();
    if (const auto problems = input_problems(checked.config, found_.stage); !problems.empty())
      throw base::InputError(problems.front());
    return head() + toml_.text();
  }

 private:
  void read_data() {
    constexpr std::int64_t kRecords = 200;
    data::RecordReader reader(line_.data);
    std::int64_t with_answer = 0, learnable = 0, answer_bytes = 0;
    for (nlohmann::json record; found_.num_read < kRecords && reader.next(record);
         ++found_.num_read) {
      if (found_.num_read == 0) find_fields(record, reader.where());
      const auto problem = data::make_problem(record, found_.options, reader.where());
      note_lengths(record, problem, learnable, reader.where());
      if (problem.answer.empty()) continue;
      ++with_answer;
      answer_bytes += static_cast<std::int64_t>(problem.answer.size());
    }
    if (found_.num_read == 0) throw base::InputError(line_.data + ": no record in it");
    // A gold answer is short; what is long is a text to learn.
    constexpr std::int64_t kLongestAnswer = 80;
    const bool has_gold = with_answer > 0 && answer_bytes <= kLongestAnswer * with_answer;
    if (!has_gold && learnable == 0)
      throw base::InputError(fmt::format(
          "{}: neither gold answers for rl nor answers to learn for sft; {}", line_.data,
          "name the fields in [data] problem_fields and answer_fields of a configuration"));
    found_.stage = has_gold ? Stage::Rl : Stage::Sft;
  }

  /// Fields that the defaults do not know are named in the configuration.
  void find_fields(const nlohmann::json& record, const std::string& where) {
    try {
      (void)data::make_problem(record, found_.options, where);
    } catch (const base::InputError&) {
      found_.problem_field = data::likely_problem_field(record);
      if (found_.problem_field.empty()) throw;
      found_.options.problem_fields = {found_.problem_field};
    }
    if (!data::make_problem(record, found_.options, where).answer.empty()) return;
    found_.answer_field = data::likely_answer_field(record);
    if (!found_.answer_field.empty() && found_.answer_field != found_.problem_field)
      found_.options.answer_fields = {found_.answer_field};
    else
      found_.answer_field.clear();
  }

  void note_lengths(const nlohmann::json& record, const data::Problem& problem,
                    std::int64_t& learnable, const std::string& where) {
    const std::time_t now = std::time(nullptr);
    const data::PromptRenderer renderer(found_.options, {}, text_.tokenizer, *std::localtime(&now));
    const auto prompt =
        static_cast<std::int64_t>(renderer.prompt_ids(renderer.text(problem)).size());
    found_.longest_prompt = std::max(found_.longest_prompt, prompt);
    try {
      const auto sample = data::sft_sample(data::sft_text(record, renderer, found_.options, where),
                                           renderer, data::LossOn::Completion);
      const auto size = sample.prompt_ids.size() + sample.completion_ids.size();
      found_.longest_record = std::max(found_.longest_record, static_cast<std::int64_t>(size));
      ++learnable;
    } catch (const base::Error&) {
      // This record has nothing to learn from; a gold answer may be enough.
    }
  }

  void describe() {
    const auto context = shape_.max_position_embeddings;
    toml_.set_text("model", "path", line_.model);
    if (line_.gpus > 0) {
      toml_.set_text("run", "device", "cuda");
      toml_.set_text("model", "dtype", "bf16");
      toml_.set_text("model", "master_dtype", "fp32");
    } else {
      toml_.set_text("run", "device", "cpu");
      toml_.set_text("model", "dtype", "fp32");
    }
    toml_.set("data", "files", "[" + config::toml_string(line_.data) + "]");
    toml_.set("data", "held_out", "0.01", "share that is evaluated and not trained on");
    toml_.set_text("data", "prompt_template", found_.options.prompt_template,
                   has_template_ ? "the model's own" : "the model has no chat template");
    if (!found_.problem_field.empty())
      toml_.set("data", "problem_fields", list_of(found_.problem_field), "by its name");
    if (!found_.answer_field.empty())
      toml_.set("data", "answer_fields", list_of(found_.answer_field), "by its name");
    found_.stage == Stage::Rl ? describe_rl(context) : describe_sft(context);
    toml_.set("checkpoint", "interval_steps", "50");
    if (line_.gpus <= 0) return;
    toml_.set("plan", "world_size", std::to_string(line_.gpus));
    toml_.set("plan", "gpus_per_node", std::to_string(std::min<std::int64_t>(line_.gpus, 8)),
              "of the machine, where it has fewer");
    toml_.set_text("plan", "machine", line_.machine.empty() ? "H100" : line_.machine,
                   "one of configs/machines; --machine of init");
  }

  void describe_rl(std::int64_t context) {
    const auto longest = std::min<std::int64_t>(2048, context - found_.longest_prompt - 1);
    if (longest < 16)
      throw base::InputError(fmt::format(
          "{}: prompts of up to {} tokens leave no room for an answer in the model's context of {}",
          line_.data, found_.longest_prompt, context));
    toml_.set_text("advantage", "kind", "grpo", "configs/README.md says which defaults follow");
    toml_.set("rl", "steps", "200");
    toml_.set("rl", "eval_every", "20");
    toml_.set("sampling", "max_new_tokens", std::to_string(longest),
              fmt::format("prompts have up to {} tokens", found_.longest_prompt));
    toml_.set_text("rewards.parts", "name", "correctness");
    toml_.set("rewards.parts", "weight", "1.0");
    toml_.set("optimizer", "learning_rate", "1e-6");
    toml_.set("optimizer", "max_grad_norm", "1.0");
  }

  void describe_sft(std::int64_t context) {
    toml_.set("sft", "epochs", "3");
    toml_.set("sft", "batch", "64");
    toml_.set_text("sft", "loss_on", "completion",
                   "or \"assistant\": every answer of a conversation");
    toml_.set("sft", "max_length",
              std::to_string(std::min(context, rounded_up(found_.longest_record, 256))),
              fmt::format("records have up to {} tokens", found_.longest_record));
    toml_.set("sft", "eval_every", "50");
    toml_.set("optimizer", "learning_rate", "2e-5");
    toml_.set("optimizer", "max_grad_norm", "1.0");
    toml_.set_text("optimizer.schedule", "kind", "linear");
    toml_.set("optimizer.schedule", "warmup_steps", "10");
  }

  config::LoadedConfig load() const {
    return config::load_config_text(toml_.text(), "init", {config::name_of(found_.stage), "", {}});
  }

  std::string head() const {
    const std::string file = line_.output.empty() ? "FILE" : shell_word(line_.output);
    const char* stage = config::name_of(found_.stage);
    const auto ranks = std::max<std::int64_t>(1, line_.gpus);
    return fmt::format(
        "# Made by r1mpi init of {} ({}) and the first {} records of {}.\n"
        "#   build/r1mpi plan --config {}     memory, time, a faster layout\n"
        "#   build/r1mpi {} --config {} --check\n"
        "#   jobscripts/launch.sh -n {} build/r1mpi {} --config {} --run-dir runs/first\n",
        line_.model, shape_.architecture, found_.num_read, line_.data, file, stage, file, ranks,
        stage, file);
  }

  static std::string list_of(const std::string& name) {
    return "[" + config::toml_string(name) + "]";
  }

  const CommandLine& line_;
  models::ModelOptions model_;
  models::ModelShape shape_;
  TextModel text_;
  bool has_template_ = false;
  FoundData found_;
  TomlText toml_;
};

}  // namespace

int init_command(const CommandLine& line) {
  if (!line.output.empty() && std::filesystem::exists(line.output))
    throw base::ConfigError(fmt::format("--output {}: exists already", line.output));
  const auto text = Initializer(line).write();
  if (line.output.empty()) {
    std::fputs(text.c_str(), stdout);
  } else {
    base::write_file_atomically(line.output, text);
    base::log_info("init: {} is written", line.output);
  }
  return 0;
}

}  // namespace r1::mpi
