// Head of the page, stage table and appendix.
#include "metrics/report/sections.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <sstream>

#include "metrics/text.h"

namespace r1::metrics {
namespace {

constexpr std::size_t kMaxFacts = 10;

struct Fact {
  std::string name;
  std::string value;
};

std::string trim(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\r\"");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\r\"") - begin + 1);
}

bool is_telling(const std::string& key) {
  constexpr std::array<const char*, 6> kTelling{"advantage.kind",     "seed",
                                                "learning_rate",      "prompts_per_step",
                                                "samples_per_prompt", "temperature"};
  for (const char* name : kTelling)
    if (key == name || key.ends_with(std::string(".") + name)) return true;
  return false;
}

/// The telling keys of a resolved.toml. A scan by line is enough: the program wrote the file, and
/// whatever it does not understand is left to the full text in the appendix.
std::vector<Fact> facts_of(const std::string& config) {
  std::vector<Fact> facts;
  std::istringstream lines(config);
  std::string line, section;
  while (std::getline(lines, line) && facts.size() < kMaxFacts) {
    line = trim(line);
    if (line.starts_with("[")) {
      section = line.substr(line.find_first_not_of('['));
      section = section.substr(0, section.find(']')) + ".";
      continue;
    }
    const auto equals = line.find('=');
    if (equals == std::string::npos || line.starts_with("#")) continue;
    std::string key = section + trim(line.substr(0, equals));
    if (!is_telling(key)) continue;
    const std::string value = line.substr(equals + 1);
    facts.push_back({std::move(key), trim(value.substr(0, value.find(" #")))});
  }
  return facts;
}

/// Model, date, ranks and version of the first stage that knows them.
std::vector<Fact> origin_of(const RunData& run) {
  for (const StageData& stage : run.stages) {
    const Origin& origin = stage.origin;
    if (origin.empty()) continue;
    std::vector<Fact> facts;
    if (!origin.model.empty()) facts.push_back({"model", origin.model});
    if (origin.started > 0) facts.push_back({"started", format_date(origin.started)});
    if (origin.num_ranks > 0) facts.push_back({"ranks", fmt::format("{}", origin.num_ranks)});
    if (!origin.version.empty()) facts.push_back({"r1mpi", origin.version});
    return facts;
  }
  return {};
}

/// Steps are counted from 0; a row of an evaluation is no step.
std::int64_t num_steps(const StageData& stage) {
  return stage.num_rows > 0 && !stage.is_evaluation() ? stage.last_step + 1 : 0;
}

double seconds_of(const StageData& stage) {
  const Series* seconds = stage.find("step_seconds");
  return seconds ? seconds->sum() : std::nan("");
}

std::string tile(const std::string& label, const std::string& value, const std::string& note,
                 const char* more = "") {
  return fmt::format(
      "<div class=\"tile{}\"><div class=\"label\">{}</div><div class=\"value\">{}</div>"
      "<div class=\"note\">{}</div></div>",
      more, escape_html(label), escape_html(value), escape_html(note));
}

/// The first stage that has the metric, as a tile "before -> after".
std::string change_tile(const RunData& run, const char* metric, const char* label, bool percent) {
  for (const StageData& stage : run.stages) {
    const Series* series = stage.find(metric);
    if (!series) continue;
    const auto format = percent ? format_percent : format_number;
    return tile(label, format(series->end()),
                fmt::format("from {} in {}", format(series->beginning()), stage_label(stage.name)));
  }
  return "";
}

std::string best_score_tile(const RunData& run) {
  const Evaluation& evaluation = run.evaluation;
  const Score* best = nullptr;
  std::string where;
  for (std::size_t m = 0; m < evaluation.models.size(); ++m)
    if (const auto& score = evaluation.scores[m].empty() ? std::nullopt : evaluation.scores[m][0];
        score && (!best || score->value > best->value)) {
      best = &*evaluation.scores[m][0];
      where = evaluation.models[m];
    }
  if (!best) return "";
  return tile("Best " + evaluation.suites[0], format_percent(best->value), where);
}

std::string tiles(const RunData& run) {
  double seconds = 0.0, skipped = 0.0;
  std::int64_t steps = 0, not_finite = 0;
  for (const StageData& stage : run.stages) {
    const double stage_seconds = seconds_of(stage);
    if (std::isfinite(stage_seconds)) seconds += stage_seconds;
    steps += num_steps(stage);
    not_finite += stage.num_not_finite;
    if (const Series* series = stage.find("skipped_steps")) skipped += series->last();
  }
  std::string html;
  if (skipped > 0 || not_finite > 0)
    html += tile("Skipped steps", format_number(skipped),
                 fmt::format("{} values not finite", not_finite), " alarm");
  html += best_score_tile(run);
  html += change_tile(run, "heldout_accuracy", "Held-out accuracy", true);
  html += change_tile(run, "accuracy", "Batch accuracy", true);
  html += change_tile(run, "sampled_accuracy", "Sampled accuracy", true);
  html += change_tile(run, "reward_mean", "Reward", false);
  html += tile("Steps", fmt::format("{}", steps), fmt::format("in {} stages", run.stages.size()));
  if (seconds > 0) html += tile("Time in steps", format_duration(seconds), "sum over stages");
  return html;
}

enum class Better { Higher, Lower, Neither };

std::string change_cell(const Series* series, bool percent, Better better) {
  if (!series) return "<td class=\"num quiet\">–</td>";
  const auto format = percent ? format_percent : format_number;
  const double before = series->beginning(), after = series->end();
  const bool is_better =
      (better == Better::Higher && after > before) || (better == Better::Lower && after < before);
  return fmt::format(
      "<td class=\"num\"><span class=\"quiet\">{}</span> → <b class=\"{}\">{}</b></td>",
      format(before), is_better ? "good" : "plain", format(after));
}

std::string value_cell(const Series* series, double value, std::string (*format)(double)) {
  return fmt::format("<td class=\"num\">{}</td>", series ? format(value) : "–");
}

/// Before and after the stage, of all held-out problems: the summary's, else the curve's.
std::string held_out_accuracy_cell(const StageData& stage) {
  for (const HeldOut& value : stage.held_out)
    if (value.measure == "accuracy")
      return fmt::format(
          "<td class=\"num\"><span class=\"quiet\">{}</span> → <b class=\"{}\">{}</b></td>",
          format_percent(value.before), value.after > value.before ? "good" : "plain",
          format_percent(value.after));
  return change_cell(stage.find("heldout_accuracy"), true, Better::Higher);
}

/// The other held-out measures.
std::string held_out_cell(const StageData& stage) {
  std::string lines;
  for (const HeldOut& value : stage.held_out) {
    if (value.measure == "accuracy") continue;
    const bool better =
        value.measure == "loss" ? value.after < value.before : value.after > value.before;
    lines += fmt::format("{}{} <span class=\"quiet\">{}</span> → <b class=\"{}\">{}</b>",
                         lines.empty() ? "" : "<br>", value.measure, format_number(value.before),
                         better ? "good" : "plain", format_number(value.after));
  }
  return fmt::format("<td class=\"num\">{}</td>", lines.empty() ? "–" : lines);
}

std::string stage_row(const StageData& stage, std::size_t index) {
  const Series* speed = stage.find("tokens_per_second");
  const Series* skipped = stage.find("skipped_steps");
  std::string html = fmt::format(
      "<tr><th scope=\"row\" title=\"{}\"><i class=\"dot {}\"></i>{}</th><td class=\"num\">{}</td>"
      "<td class=\"num\">{}</td>",
      escape_html(stage.name), stage_colour(index), escape_html(stage_label(stage.name)),
      num_steps(stage), stage.find("step_seconds") ? format_duration(seconds_of(stage)) : "–");
  html += fmt::format("<td class=\"num{}\">{}</td>", skipped && skipped->last() > 0 ? " bad" : "",
                      skipped ? format_number(skipped->last()) : "–");
  html += held_out_accuracy_cell(stage);
  html += change_cell(stage.find("accuracy"), true, Better::Higher);
  html += change_cell(stage.find("sampled_accuracy"), true, Better::Neither);
  html += change_cell(stage.find("reward_mean"), false, Better::Higher);
  html += change_cell(stage.find("loss"), false, Better::Lower);
  html += change_cell(stage.is_evaluation() ? nullptr : stage.find("completion_length"), false,
                      Better::Neither);
  html += held_out_cell(stage);
  html +=
      fmt::format("<td class=\"num\">{}</td>",
                  stage.weight_change ? fmt::format("{:.2g} %", 100 * *stage.weight_change) : "–");
  html += value_cell(speed, speed ? speed->sum() / static_cast<double>(speed->num_values()) : 0,
                     format_short);
  return html + "</tr>";
}

}  // namespace

std::string stage_colour(std::size_t stage) {
  return fmt::format("c{}", stage % 8);
}

std::string stage_label(const std::string& name) {
  const auto dash = name.find('-');
  const bool is_numbered = dash != std::string::npos && dash > 0 && dash + 1 < name.size() &&
                           name.find_first_not_of("0123456789") == dash;
  return is_numbered ? name.substr(dash + 1) : name;
}

std::string render_head(const RunData& run) {
  std::string html = fmt::format("<header><h1>{}</h1>", escape_html(run.title));
  const std::string& config =
      run.config.empty() && !run.stages.empty() ? run.stages.front().config : run.config;
  html += "<dl class=\"facts\">";
  std::vector<Fact> facts = origin_of(run);
  for (Fact& fact : facts_of(config)) facts.push_back(std::move(fact));
  for (const Fact& fact : facts)
    html += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>", escape_html(fact.name),
                        escape_html(shorten(fact.value, 80)));
  html += "</dl></header><section id=\"summary\"><div class=\"tiles\">" + tiles(run) + "</div>";
  if (run.stages.empty() && run.evaluation.empty())
    html += "<p class=\"quiet\">This folder holds no measurements yet.</p>";
  return html + "</section>";
}

std::string render_stages(const RunData& run) {
  if (run.stages.empty()) return "";
  std::string html =
      "<section id=\"stages\"><h2>Stages</h2><p class=\"quiet\">before → after: mean of the first "
      "and of the last twentieth of the steps; held-out accuracy: on problems that nothing was "
      "trained on; batch accuracy: of the samples a stage trains on; sampled accuracy: of what a "
      "generate stage draws</p><div class=\"scroll\"><table><thead><tr>"
      "<th>stage</th><th class=\"num\">steps</th><th class=\"num\">time</th><th "
      "class=\"num\">skipped</th><th class=\"num\">held-out accuracy</th><th class=\"num\">batch "
      "accuracy</th><th class=\"num\">sampled accuracy</th><th class=\"num\">reward</th><th "
      "class=\"num\">loss</th><th class=\"num\">answer tokens</th><th class=\"num\">held-out "
      "reward, loss</th><th class=\"num\">weights moved</th><th class=\"num\">tokens/s</th>"
      "</tr></thead><tbody>";
  for (std::size_t i = 0; i < run.stages.size(); ++i) html += stage_row(run.stages[i], i);
  return html + "</tbody></table></div></section>";
}

std::string render_appendix(const RunData& run) {
  std::string html = "<section id=\"appendix\"><h2>Configuration</h2>";
  const auto config = [&html](const std::string& name, const std::string& text) {
    if (!text.empty())
      html += fmt::format("<details><summary>{}</summary><pre>{}</pre></details>",
                          escape_html(name), escape_html(text));
  };
  const bool is_own_stage = run.stages.size() == 1 && run.stages.front().config == run.config;
  if (!is_own_stage) config("resolved.toml", run.config);
  for (const StageData& stage : run.stages) config(stage.name + "/resolved.toml", stage.config);
  std::string notes;
  for (const std::string& note : run.notes) notes += "<li>" + escape_html(note) + "</li>";
  for (const StageData& stage : run.stages)
    for (const std::string& note : stage.notes)
      notes += "<li>" + escape_html(stage.name + ": " + note) + "</li>";
  if (!notes.empty()) html += "<h3>Not readable</h3><ul class=\"notes\">" + notes + "</ul>";
  return html + "</section>";
}

}  // namespace r1::metrics
