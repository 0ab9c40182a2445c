// Sample transcripts: the question, the model's text (with a folded thinking part), and the reward.
#include "metrics/report/sections.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string_view>

#include "metrics/text.h"

namespace r1::metrics {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 2> kThinkingTags{
    {{"<think>", "</think>"}, {"<thinking>", "</thinking>"}}};
constexpr double kRight = 0.999;  // a correctness part from which an answer counts as right

struct SplitCompletion {
  std::string_view before, thinking, after;
};

/// Where the thinking part is: between its tags, or from the start when the template opened it in
/// the prompt, or to the end when it was cut off.
SplitCompletion split(std::string_view text) {
  for (const auto& [open, close] : kThinkingTags) {
    const auto begin = text.find(open);
    const auto end = text.find(close);
    if (begin == std::string_view::npos && end == std::string_view::npos) continue;
    const auto from = begin == std::string_view::npos || begin > end ? 0 : begin;
    const auto to = end == std::string_view::npos ? text.size() : end + close.size();
    return {text.substr(0, from), text.substr(from, to - from), text.substr(to)};
  }
  return {text, {}, {}};
}

enum class Verdict { Right, Wrong, Unknown };

Verdict verdict_of(const SampleRow& sample) {
  if (sample.reason == "ok") return Verdict::Right;
  if (sample.reason == "unparsable_gold") return Verdict::Unknown;
  if (!sample.reason.empty()) return Verdict::Wrong;
  for (const char* name : {"correctness", "accuracy"})
    if (const auto part = sample.parts.find(name); part != sample.parts.end())
      return part->second >= kRight ? Verdict::Right : Verdict::Wrong;
  return Verdict::Unknown;
}

std::string badge(const char* kind, const std::string& text) {
  return fmt::format("<span class=\"badge {}\">{}</span>", kind, escape_html(text));
}

std::string verdict_badge(const SampleRow& sample) {
  switch (verdict_of(sample)) {
    case Verdict::Right:
      return badge("right", "✓ right");
    case Verdict::Wrong:
      return badge("wrong", sample.reason.empty() || sample.reason == "wrong"
                                ? "✗ wrong"
                                : "✗ " + sample.reason);
    case Verdict::Unknown:
      break;
  }
  return sample.reason.empty() ? "" : badge("neutral", sample.reason);
}

const char* verdict_class(const SampleRow& sample) {
  const Verdict verdict = verdict_of(sample);
  return verdict == Verdict::Right   ? "is-right"
         : verdict == Verdict::Wrong ? "is-wrong"
                                     : "is-unknown";
}

std::string parts_of(const SampleRow& sample) {
  std::string html;
  for (const auto& [name, value] : sample.parts) {
    const double share = std::isfinite(value) ? std::min(std::max(value, 0.0), 1.0) : 0.0;
    html += fmt::format(
        "<span class=\"part\"><span>{}</span><span class=\"meter\"><i "
        "style=\"width:{:.0f}%\"></i></span>"
        "<b>{}</b></span>",
        escape_html(name), 100 * share, format_number(value));
  }
  return html.empty() ? "" : "<div class=\"parts\">" + html + "</div>";
}

/// The thinking part's text for the folded view.
std::string_view without_tag(std::string_view thinking) {
  for (const auto& [open, close] : kThinkingTags)
    if (thinking.starts_with(open)) thinking.remove_prefix(open.size());
  return thinking;
}

std::string completion_of(const SampleRow& sample) {
  const SplitCompletion text = split(sample.completion);
  std::string html = "<div class=\"completion\">";
  if (text.before.find_first_not_of(" \n\t\r") != std::string_view::npos)
    html += "<pre>" + escape_html(text.before) + "</pre>";
  if (!text.thinking.empty())
    html += fmt::format(
        "<details class=\"thinking\"><summary>thinking <span class=\"quiet\">{} characters</span>"
        "<span class=\"peek\">{}</span></summary><pre>{}</pre></details>",
        text.thinking.size(), escape_html(shorten(without_tag(text.thinking), 160)),
        escape_html(text.thinking));
  if (text.after.find_first_not_of(" \n\t\r") != std::string_view::npos)
    html += "<pre class=\"answer\">" +
            escape_html(text.after.substr(text.after.find_first_not_of("\r\n"))) + "</pre>";
  return html + "</div>";
}

std::string transcript(const SampleRow& sample, const StageData& stage, std::size_t index) {
  const std::string& question = sample.problem.empty() ? sample.prompt : sample.problem;
  std::string html = fmt::format(
      "<article class=\"sample {} s{}\"><div class=\"sample-head\"><i class=\"dot "
      "{}\"></i><b>{}</b>"
      "<span class=\"quiet\">step {} · sample {}</span><span class=\"space\"></span>",
      verdict_class(sample), index, stage_colour(index), escape_html(stage_label(stage.name)),
      sample.step, sample.sample);
  if (sample.finish_reason == "length") html += badge("neutral", "cut off");
  html += verdict_badge(sample);
  if (!std::isnan(sample.reward)) html += badge("reward", "reward " + format_number(sample.reward));
  html += "</div><pre class=\"problem\">" + escape_html(question) + "</pre>";
  if (!sample.answer.empty())
    html += "<p class=\"gold\">expected answer <code>" + escape_html(sample.answer) + "</code></p>";
  if (!sample.prompt.empty() && sample.prompt != question)
    html += "<details class=\"prompt\"><summary>prompt as the model saw it</summary><pre>" +
            escape_html(sample.prompt) + "</pre></details>";
  return html + completion_of(sample) + parts_of(sample) + "</article>";
}

}  // namespace

std::string render_transcripts(const RunData& run) {
  std::string articles;
  std::int64_t num_samples = 0;
  std::size_t num_shown = 0;
  for (std::size_t i = 0; i < run.stages.size(); ++i) {
    num_samples += run.stages[i].num_samples;
    num_shown += run.stages[i].samples.size();
    for (const SampleRow& sample : run.stages[i].samples)
      articles += transcript(sample, run.stages[i], i);
  }
  if (articles.empty()) return "";
  std::string html = fmt::format(
      "<section id=\"samples\"><h2>Samples</h2><p class=\"quiet\">{} of {}, evenly spaced over "
      "each "
      "stage</p><div class=\"filter\" id=\"sample-filter\">",
      num_shown, num_samples);
  for (const auto& [value, label] :
       {std::pair{"", "all"}, {"is-right", "right"}, {"is-wrong", "wrong"}})
    html += fmt::format("<button type=\"button\" data-show=\"{}\" aria-pressed=\"{}\">{}</button>",
                        value, *value ? "false" : "true", label);
  html += "<label>stage <select id=\"sample-stage\"><option value=\"\">all</option>";
  for (std::size_t i = 0; i < run.stages.size(); ++i)
    if (!run.stages[i].samples.empty())
      html += fmt::format("<option value=\"s{}\">{}</option>", i,
                          escape_html(stage_label(run.stages[i].name)));
  html += "</select></label><button type=\"button\" id=\"unfold\">unfold thinking</button></div>";
  return html + "<div class=\"samples\">" + articles + "</div></section>";
}

}  // namespace r1::metrics
