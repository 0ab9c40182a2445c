#include "data/dataset.h"

#include <algorithm>
#include <unordered_set>

#include "base/errors.h"
#include "base/log.h"
#include "base/random.h"
#include "data/benchmark_records.h"
#include "data/fields.h"
#include "data/generators.h"
#include "data/json_text.h"
#include "data/missing_answers.h"
#include "data/record_reader.h"
#include "data/text.h"

namespace r1::data {
namespace {

std::vector<Problem> read_problems(const std::vector<std::string>& files,
                                   const DataOptions& options) {
  std::vector<Problem> problems;
  RecordLimits limits;
  limits.bad_lines = options.max_bad_lines;
  for (const std::string& path : files)
    read_records(path, limits, [&](nlohmann::json&& record, const std::string& where) {
      problems.push_back(make_problem(record, options, where));
    });
  return problems;
}

void add_generated(const DataOptions& options, std::vector<Problem>& train,
                   std::vector<Problem>& held_out) {
  const GeneratorOptions& g = options.generate;
  for (const std::string& name : g.names) {
    const GeneratedSets sets =
        generate_sets(name, g.count, g.held_out_count, static_cast<std::uint64_t>(g.seed));
    for (const auto& record : sets.train) train.push_back(make_problem(record, options, name));
    for (const auto& record : sets.held_out)
      held_out.push_back(make_problem(record, options, name));
  }
}

/// The first n of a permutation by the seed, in their old order.
void keep_subset(std::vector<Problem>& problems, std::int64_t n, std::uint64_t seed) {
  if (n <= 0 || n >= static_cast<std::int64_t>(problems.size())) return;
  auto order = base::permutation(static_cast<std::int64_t>(problems.size()),
                                 base::derive_seed({seed, base::hash_name("subset")}));
  order.resize(static_cast<std::size_t>(n));
  std::sort(order.begin(), order.end());
  std::vector<Problem> kept;
  for (const std::int64_t i : order)
    kept.push_back(std::move(problems[static_cast<std::size_t>(i)]));
  problems = std::move(kept);
}

/// Moves the held-out share out of `train`, by the text of the problem alone.
void split_by_text(std::vector<Problem>& train, std::vector<Problem>& held_out, double share) {
  std::vector<Problem> kept;
  for (Problem& p : train)
    (held_out_place(p.identity()) < share ? held_out : kept).push_back(std::move(p));
  train = std::move(kept);
}

void drop_held_out(std::vector<Problem>& train, const std::vector<Problem>& held_out) {
  std::unordered_set<std::string> texts;
  for (const Problem& p : held_out) texts.insert(normalise_for_matching(p.identity()));
  const auto before = train.size();
  std::erase_if(train, [&](const Problem& p) {
    return texts.count(normalise_for_matching(p.identity())) > 0;
  });
  if (train.size() < before)
    base::log_warning("{} training records dropped: their problems are held out",
                      before - train.size());
}

/// The question of a record: text, or a conversation up to where the model answers.
void read_question(const nlohmann::json& record, const DataOptions& options,
                   const std::string& where, Problem& out) {
  for (const std::string& name : options.problem_fields) {
    const nlohmann::json* field = find_field(record, name);
    if (field == nullptr) continue;
    if (!is_conversation(*field)) {
      out.problem = json_text(*field);
      if (!out.problem.empty()) return;
      continue;
    }
    nlohmann::json turns;
    try {
      turns = read_turns(*field);
    } catch (const base::InputError& error) {
      throw base::InputError(fmt::format("{}: field '{}': {}", where, name, error.what()));
    }
    if (turns.size() > 1 && turns.back()["role"] == "assistant") turns.erase(turns.size() - 1);
    for (const auto& turn : turns)
      if (turn["role"] == "user") out.problem = turn_text(turn);
    if (out.problem.empty())
      throw base::InputError(fmt::format("{}: field '{}': no turn of the user", where, name));
    if (turns.size() > 1) out.turns = dump_json(turns);
    return;
  }
}

}  // namespace

std::string Problem::identity() const {
  return turns.empty() ? problem : conversation_text(nlohmann::json::parse(turns), false);
}

std::string question_identity(const nlohmann::json& record, const DataOptions& options) {
  try {
    return make_problem(record, options, "").identity();
  } catch (const base::InputError&) {
    return {};
  }
}

Problem make_problem(const nlohmann::json& record, const DataOptions& options,
                     const std::string& where) {
  Problem out;
  read_question(record, options, where, out);
  out.answer = first_field(record, options.answer_fields);
  try {
    if (out.turns.empty()) complete_benchmark_question(record, out.problem, out.answer);
  } catch (const base::InputError& error) {
    throw base::InputError(fmt::format("{}: {}", where, error.what()));
  }
  if (out.problem.empty())
    throw base::InputError(
        fmt::format("{}: no problem: expected one of the fields {} (data.problem_fields); the "
                    "record has the fields {}{}",
                    where, fmt::join(options.problem_fields, ", "),
                    fmt::join(field_names(record), ", "), suggest_problem_field(record)));
  // {instruction, input, output}: the input belongs to the question.
  const std::string input = field_text(record, "input");
  if (!input.empty() && out.turns.empty() && record.contains("instruction"))
    out.problem += "\n\n" + input;
  out.solution = field_text(record, "solution");
  const std::size_t mark = out.answer.rfind("####");
  if (mark != std::string::npos) {
    if (out.solution.empty()) out.solution = out.answer;
    out.answer = trim(std::string_view(out.answer).substr(mark + 4));
  }
  out.domain = field_text(record, options.domain_field);
  out.record = dump_json(record);
  out.where = where;
  return out;
}

PromptDataset PromptDataset::load(const DataOptions& options, std::uint64_t seed) {
  std::vector<Problem> train = read_problems(options.files, options);
  std::vector<Problem> held_out = read_problems(options.held_out_files, options);
  if (options.held_out_files.empty()) split_by_text(train, held_out, options.held_out);
  add_generated(options, train, held_out);
  drop_held_out(train, held_out);
  keep_subset(train, options.max_records, seed);
  return PromptDataset(std::move(train), std::move(held_out), seed);
}

PromptDataset::PromptDataset(std::vector<Problem> train, std::vector<Problem> held_out,
                             std::uint64_t seed)
    : train_(std::move(train)), held_out_(std::move(held_out)), seed_(seed) {
  if (train_.empty())
    throw base::InputError("[data]: no training problem is left; check files and held_out");
}

void PromptDataset::drop(const std::function<bool(const Problem&)>& unwanted) {
  std::erase_if(train_, unwanted);
  std::erase_if(held_out_, unwanted);
}

std::int64_t PromptDataset::index_at(std::int64_t place) const {
  const auto n = static_cast<std::int64_t>(train_.size());
  const std::int64_t epoch = place / n;
  if (epoch != cached_epoch_) {
    order_ = base::permutation(
        n, base::derive_seed({seed_, base::hash_name("epoch"), static_cast<std::uint64_t>(epoch)}));
    cached_epoch_ = epoch;
  }
  return order_[static_cast<std::size_t>(place % n)];
}

std::vector<const Problem*> PromptDataset::batch(std::int64_t step, std::int64_t size) const {
  std::vector<const Problem*> problems;
  for (std::int64_t place = step * size; place < (step + 1) * size; ++place)
    problems.push_back(&train_[static_cast<std::size_t>(index_at(place))]);
  return problems;
}

}  // namespace r1::data
