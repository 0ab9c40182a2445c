#include "data/prepare.h"

#include <cmath>
#include <map>

#include "base/errors.h"
#include "data/fields.h"
#include "data/json_text.h"
#include "data/text.h"

namespace r1::data {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& record, const char* name) {
  const auto found = record.find(name);
  if (found == record.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  return is_json_number(*found) ? json_text(*found) : std::string();
}

/// "Level 5" of MATH's level 5, "Level 5", or difficulty 5.0.
std::string level_of(const Json& raw) {
  for (const char* name : {"level", "difficulty"}) {
    const auto found = raw.find(name);
    if (found == raw.end()) continue;
    if (found->is_number())
      return fmt::format("Level {}", static_cast<std::int64_t>(std::lround(found->get<double>())));
    if (found->is_string()) return found->get<std::string>();
  }
  return {};
}

/// The content of the last \boxed{…} or \fbox{…} of a solution, or what follows "\boxed " up to the
/// end of the formula; empty without one.
std::string boxed_answer(const std::string& solution) {
  const std::size_t box = solution.rfind("\\boxed"), frame = solution.rfind("\\fbox");
  const bool framed = frame != std::string::npos && (box == std::string::npos || frame > box);
  if (!framed && box == std::string::npos) return {};
  std::size_t begin = framed ? frame + 5 : box + 6;
  begin = solution.find_first_not_of(' ', begin);
  if (begin == std::string::npos) return {};
  if (solution[begin] != '{')
    return trim(solution.substr(begin, solution.find_first_of("$\n", begin) - begin));
  int depth = 0;
  for (std::size_t end = begin; end < solution.size(); ++end) {
    if (solution[end] == '{') ++depth;
    if (solution[end] == '}' && --depth == 0) return solution.substr(begin + 1, end - begin - 1);
  }
  return {};
}

void keep_fields(const Json& raw, std::initializer_list<const char*> names, Json& out) {
  for (const char* name : names)
    if (raw.contains(name)) out[name] = raw[name];
}

/// The fields that the tests of a program have in published data (rewards/code_tests.h).
constexpr auto kTestFields = {"tests", "test_list",   "test_setup_code", "input_output",
                              "test",  "entry_point", "language"};

bool has_tests(const Json& raw) {
  return raw.contains("tests") || raw.contains("test_list") || raw.contains("input_output") ||
         (raw.contains("test") && raw.contains("entry_point"));
}

/// A conversation up to where the model answers, with its gold answer (verl's form, say).
Json conversation_rl_record(const Json& raw, Json turns) {
  if (turns.size() > 1 && turns.back()["role"] == "assistant") turns.erase(turns.size() - 1);
  const std::string answer = first_field(raw, {"answer", "reward_model.ground_truth"});
  if (answer.empty() && !has_tests(raw)) return nullptr;
  Json out{{"solution", text_of(raw, "solution")},
           {"level", level_of(raw)},
           {"type", text_of(raw, raw.contains("type") ? "type" : "subject")},
           {"answer", answer}};
  if (turns.size() == 1)
    out["problem"] = turn_text(turns[0]);
  else
    out["prompt"] = std::move(turns);
  keep_fields(raw, {"numbers", "target", "metadata", "scorer", "data_source"}, out);
  keep_fields(raw, kTestFields, out);
  return out;
}

/// The turns of a supervised record that has more than a question and its answer: a system message
/// or earlier turns, by messages or by "system" and "history" ([[question, answer], ...]). Null:
/// there is nothing more; []: the history cannot be read.
Json longer_conversation(const Json& raw) {
  Json turns = turns_of(raw);
  const std::string output = response_of(raw);
  if (!turns.empty()) {
    if (turns.back()["role"] != "assistant" && !output.empty())
      turns.push_back({{"role", "assistant"}, {"content", output}});
    return turns.size() > 2 ? turns : Json();
  }
  const std::string system = text_of(raw, "system");
  const Json* history = find_field(raw, "history");
  if (system.empty() && (history == nullptr || history->empty())) return nullptr;
  const auto add = [&turns](const char* role, const std::string& text) {
    turns.push_back({{"role", role}, {"content", text}});
  };
  if (!system.empty()) add("system", system);
  for (const Json& pair : history == nullptr ? Json::array() : *history) {
    if (!pair.is_array() || pair.size() != 2) return Json::array();
    add("user", json_text(pair[0]));
    add("assistant", json_text(pair[1]));
  }
  add("user", question_of(raw));
  add("assistant", output);
  return turns;
}

constexpr auto kSupervisedFields = {"answer",
                                    "type",
                                    "level",
                                    "category",
                                    "numbers",
                                    "target",
                                    "metadata",
                                    "scorer",
                                    "tools",
                                    "documents",
                                    "chat_template_kwargs"};

Json in_form(PrepareKind kind, const Json& raw) {
  if (kind == PrepareKind::Generic) return raw;
  return kind == PrepareKind::Rl ? rl_record(raw) : sft_record(raw);
}

bool has_thinking(const Json& record) {
  const std::string output = response_of(record);
  for (const auto& [open, close] :
       {std::pair{"<think>", "</think>"}, {"<thinking>", "</thinking>"}}) {
    const std::size_t begin = output.find(open);
    if (begin != std::string::npos && output.find(close, begin) != std::string::npos) return true;
  }
  return false;
}

FilterChain make_chain(PrepareKind kind, const PrepareOptions& o) {
  FilterChain chain;
  const bool response = kind != PrepareKind::Rl && kind != PrepareKind::Generic;
  chain.add([](const Json& r) -> std::string { return r.is_null() ? "form" : ""; });
  chain.add(drop_empty(response));
  chain.add(drop_longer_than(o.max_bytes));
  if (kind == PrepareKind::ColdStart)
    chain.add([](const Json& r) -> std::string { return has_thinking(r) ? "" : "no_thinking"; });
  chain.add(drop_duplicates(kind == PrepareKind::Rl));
  Decontaminator decontaminator(o.ngram);
  for (const std::string& text : o.evaluation_texts) decontaminator.add_evaluation_text(text);
  chain.add(drop_contaminated(std::move(decontaminator)));
  if (!response) return chain;
  constexpr int kRepetitionWords = 4;
  if (!o.language.empty()) chain.add(drop_other_language(o.language, o.min_language_share));
  chain.add(drop_repetitive(kRepetitionWords, o.max_repetition));
  if (o.correctness) chain.add(drop_below("wrong", o.correctness, 1.0));
  if (o.quality) chain.add(drop_below("quality", o.quality, o.min_quality));
  return chain;
}

}  // namespace

PrepareKind prepare_kind(const std::string& name) {
  if (name == "rl") return PrepareKind::Rl;
  if (name == "coldstart") return PrepareKind::ColdStart;
  if (name == "sft1") return PrepareKind::Sft1;
  if (name == "sft2") return PrepareKind::Sft2;
  if (name == "distill") return PrepareKind::Distill;
  if (name == "consistency") return PrepareKind::Consistency;
  if (name == "generic") return PrepareKind::Generic;
  throw base::ConfigError(fmt::format(
      "prepare.kind: expected rl, coldstart, sft1, sft2, distill, consistency or generic, found "
      "'{}'",
      name));
}

Json rl_record(const Json& raw) {
  if (const Json turns = turns_of(raw); !turns.empty() && text_of(raw, "problem").empty())
    return conversation_rl_record(raw, turns);
  const std::string question = text_of(raw, "question");
  if (!question.empty() && text_of(raw, "answer").empty() && has_tests(raw)) {  // APPS
    Json same = raw;
    same["problem"] = question;
    same.erase("question");
    return rl_record(same);
  }
  if (!question.empty() && raw.contains("metadata")) {  // reasoning-gym
    Json same = raw;
    same["problem"] = question;
    same.erase("question");
    if (!same.contains("type")) same["type"] = "reasoning";
    return rl_record(same);
  }
  if (!question.empty()) {  // GSM8K
    const std::string solution = text_of(raw, "answer");
    const std::size_t mark = solution.rfind("####");
    const std::string answer =
        mark == std::string::npos ? solution : trim(std::string_view(solution).substr(mark + 4));
    if (answer.empty()) return nullptr;
    return {{"problem", question},
            {"solution", mark == std::string::npos ? "" : solution},
            {"level", "elementary"},
            {"type", "arithmetic"},
            {"answer", answer}};
  }
  const std::string problem = text_of(raw, "problem");
  const std::string solution = text_of(raw, "solution");
  std::string answer = text_of(raw, "answer");
  if (answer.empty()) answer = boxed_answer(solution);
  if (problem.empty() || (trim(answer).empty() && !has_tests(raw))) return nullptr;
  const std::string type = text_of(raw, raw.contains("type") ? "type" : "subject");
  Json out{{"problem", problem},
           {"solution", solution},
           {"level", level_of(raw)},
           {"type", type},
           {"answer", answer}};
  keep_fields(raw, {"numbers", "target", "metadata", "scorer"}, out);
  keep_fields(raw, kTestFields, out);
  return out;
}

Json sft_record(const Json& raw) {
  const std::string output = response_of(raw);
  if (Json turns = longer_conversation(raw); !turns.is_null()) {
    if (turns.empty() || question_of(raw).empty() || output.empty()) return nullptr;
    Json out{{"messages", std::move(turns)}};
    keep_fields(raw, kSupervisedFields, out);
    keep_fields(raw, kTestFields, out);
    return out;
  }
  std::string instruction = text_of(raw, "instruction");
  std::string input = text_of(raw, "input");
  if (instruction.empty()) {
    instruction = question_of(raw);
    input.clear();
  }
  if (instruction.empty() || output.empty()) return nullptr;
  Json out{{"instruction", instruction}, {"input", input}, {"output", output}};
  keep_fields(raw, kSupervisedFields, out);
  keep_fields(raw, kTestFields, out);
  return out;
}

std::vector<Json> majority_records(const std::vector<Json>& raw, const Election& elect,
                                   std::int64_t& dropped) {
  std::map<std::string, std::vector<const Json*>> groups;
  for (const Json& record : raw) {
    std::string group = text_of(record, "group");
    if (group.empty()) group = text_of(record, "category");
    groups[group].push_back(&record);
  }
  std::vector<Json> out;
  for (const auto& [name, records] : groups) {
    std::vector<std::string> responses;
    for (const Json* record : records) responses.push_back(response_of(*record));
    const std::ptrdiff_t chosen = name.empty() || !elect ? -1 : elect(responses);
    if (chosen < 0) {
      dropped += static_cast<std::int64_t>(records.size());
      continue;
    }
    for (const Json* record : records) {
      Json& made = out.emplace_back(*record);
      const std::string& response = responses[static_cast<std::size_t>(chosen)];
      for (const char* field : {"completion", "response", "solution"}) made.erase(field);
      if (Json turns = turns_of(*record); !turns.empty() && turns.back()["role"] == "assistant") {
        turns.back()["content"] = response;
        made["messages"] = std::move(turns);
      } else {
        made["output"] = response;
      }
      made["category"] = name;
    }
  }
  return out;
}

Prepared prepare(PrepareKind kind, const std::vector<Json>& raw, const PrepareOptions& options) {
  FilterChain chain = make_chain(kind, options);
  Prepared out;
  std::int64_t no_majority = 0;
  std::vector<Json> elected;
  if (kind == PrepareKind::Consistency) elected = majority_records(raw, options.elect, no_majority);
  for (const Json& record : kind == PrepareKind::Consistency ? elected : raw) {
    Json formed = in_form(kind, record);
    if (chain.keep(formed, record)) out.records.push_back(std::move(formed));
  }
  out.report = chain.report();
  if (no_majority > 0) {
    out.report.seen += no_majority;
    out.report.dropped["no_majority"] = no_majority;
  }
  return out;
}

}  // namespace r1::data
