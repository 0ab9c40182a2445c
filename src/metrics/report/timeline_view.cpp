// The timeline: one lane per rank, coloured by activity, and the time per activity of each role.
#include "metrics/report/sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "metrics/text.h"

namespace r1::metrics {
namespace {

constexpr std::size_t kMaxLanes = 32;
constexpr double kLaneHeight = 26, kBarHeight = 18;
constexpr int kNumTicks = 6;

/// An activity by what its name contains; the class gives the colour. The first match counts.
struct Activity {
  const char* contains;
  const char* css;
  const char* label;
};
constexpr std::array<Activity, 12> kActivities{{{"wait", "a-wait", "waiting"},
                                                {"evaluat", "a-evaluate", "evaluate"},
                                                {"checkpoint", "a-save", "checkpoint"},
                                                {"save", "a-save", "checkpoint"},
                                                {"sync", "a-move", "move data"},
                                                {"exchange", "a-move", "move data"},
                                                {"generat", "a-generate", "generate"},
                                                {"reference", "a-reference", "reference, teacher"},
                                                {"teacher", "a-reference", "reference, teacher"},
                                                {"reward", "a-reward", "reward"},
                                                {"score", "a-reward", "reward"},
                                                {"update", "a-update", "update"}}};
constexpr Activity kOtherActivity{"", "a-other", "other"};

const Activity& activity_of(const std::string& name) {
  for (const Activity& activity : kActivities)
    if (name.find(activity.contains) != std::string::npos) return activity;
  return kOtherActivity;
}

struct Lane {
  int rank;
  std::string role;
};

struct StepRange {
  std::int64_t step;
  double begin, end;
  double shift = 0.0;  // added to the spans' times: gaps between kept steps are taken out
};

std::vector<StepRange> step_ranges(const std::vector<TimelineSpan>& spans) {
  std::map<std::int64_t, StepRange> by_step;
  for (const TimelineSpan& span : spans) {
    auto& range =
        by_step.try_emplace(span.step, StepRange{span.step, span.begin, span.end}).first->second;
    range.begin = std::min(range.begin, span.begin);
    range.end = std::max(range.end, span.end);
  }
  std::vector<StepRange> ranges;
  double last_end = 0.0, shift = 0.0;
  for (auto& [step, range] : by_step) {
    if (ranges.empty() || range.begin > last_end)
      shift = (ranges.empty() ? 0.0 : last_end + shift) - range.begin;
    last_end = ranges.empty() ? range.end : std::max(last_end, range.end);
    range.shift = shift;
    ranges.push_back(range);
  }
  return ranges;
}

/// Ranks to show, evenly chosen when there are too many, each with the role it named first.
std::vector<Lane> lanes_of(const std::vector<TimelineSpan>& spans, std::size_t& num_ranks) {
  std::map<int, std::string> roles;
  for (const TimelineSpan& span : spans) roles.try_emplace(span.rank, span.role);
  num_ranks = roles.size();
  std::vector<Lane> all, chosen;
  for (const auto& [rank, role] : roles) all.push_back({rank, role});
  const std::size_t count = std::min(kMaxLanes, all.size());
  for (std::size_t i = 0; i < count; ++i) chosen.push_back(all[i * all.size() / count]);
  return chosen;
}

std::string rectangles(const StageData& stage, const std::vector<Lane>& lanes,
                       const std::vector<StepRange>& steps) {
  std::map<int, std::size_t> row;
  for (std::size_t i = 0; i < lanes.size(); ++i) row[lanes[i].rank] = i;
  std::map<std::int64_t, double> shift;
  for (const StepRange& step : steps) shift[step.step] = step.shift;
  std::string svg;
  for (const TimelineSpan& span : stage.spans) {
    const auto lane = row.find(span.rank);
    if (lane == row.end()) continue;
    svg += fmt::format(
        "<rect class=\"{}\" x=\"{:.9g}\" y=\"{}\" width=\"{:.9g}\" height=\"{}\" data-t=\"{} · "
        "rank {} · "
        "step {} · {}\"/>",
        activity_of(span.name).css, span.begin + shift[span.step],
        static_cast<double>(lane->second) * kLaneHeight + (kLaneHeight - kBarHeight) / 2,
        span.end - span.begin, kBarHeight, escape_html(span.name), span.rank, span.step,
        format_duration(span.end - span.begin));
  }
  return svg;
}

std::string lane_labels(const std::vector<Lane>& lanes) {
  std::string html;
  for (const Lane& lane : lanes)
    html += fmt::format("<div title=\"rank {0} {1}\">{0} <span class=\"quiet\">{1}</span></div>",
                        lane.rank, escape_html(lane.role));
  return html;
}

std::string controls(const std::vector<StepRange>& steps, std::size_t shown) {
  std::string options;
  for (std::size_t i = 0; i < steps.size(); ++i)
    options += fmt::format("<option value=\"{}\"{}>step {}</option>", i,
                           i == shown ? " selected" : "", steps[i].step);
  return "<div class=\"filter\"><button type=\"button\" data-move=\"-1\">←</button><select>"
         "<option value=\"all\">all kept steps</option>" +
         options + "</select><button type=\"button\" data-move=\"1\">→</button></div>";
}

std::string tick_labels(double seconds) {
  std::string html;
  for (int i = 0; i < kNumTicks; ++i)
    html += fmt::format("<span>{:.3g} s</span>", seconds * i / (kNumTicks - 1));
  return html;
}

std::string step_data(const std::vector<StepRange>& steps) {
  auto data = nlohmann::json::array();
  for (const StepRange& step : steps)
    data.push_back({step.begin + step.shift, step.end + step.shift});
  return data.dump();
}

struct RoleTime {
  std::set<int> ranks;
  std::set<std::pair<int, std::int64_t>> rank_steps;
  double recorded = 0.0;
  double wall = 0.0;  // of the steps that its ranks took part in
  std::map<std::string, double> by_class;
};

std::map<std::string, RoleTime> role_times(const StageData& stage,
                                           const std::vector<StepRange>& steps) {
  std::map<std::int64_t, double> step_seconds;
  for (const StepRange& step : steps) step_seconds[step.step] = step.end - step.begin;
  std::map<std::string, RoleTime> roles;
  for (const TimelineSpan& span : stage.spans) {
    RoleTime& role = roles[span.role];
    role.ranks.insert(span.rank);
    if (role.rank_steps.emplace(span.rank, span.step).second) role.wall += step_seconds[span.step];
    role.recorded += span.end - span.begin;
    role.by_class[activity_of(span.name).css] += span.end - span.begin;
  }
  return roles;
}

/// Each role's time by activity and the share of waiting, of the recorded steps' duration; what no
/// span covers stays blank.
std::string shares(const StageData& stage, const std::vector<StepRange>& steps) {
  std::string html =
      "<table class=\"shares\"><thead><tr><th>role</th><th class=\"num\">ranks</th><th>time by "
      "activity</th><th class=\"num\">waiting</th></tr></thead><tbody>";
  for (auto& [name, role] : role_times(stage, steps)) {
    html += fmt::format(
        "<tr><th scope=\"row\">{}</th><td class=\"num\">{}</td><td><div class=\"stack\">",
        escape_html(name), role.ranks.size());
    // Spans of background threads overlap others and may add up to more than the wall time.
    const double total = std::max({role.wall, role.recorded, 1e-9});
    double waiting = 0.0;
    for (const auto& [css, seconds] : role.by_class) {
      if (css == "a-wait") waiting = seconds;
      html += fmt::format("<i class=\"{}\" style=\"width:{:.2f}%\" data-t=\"{} {}\"></i>", css,
                          100 * seconds / total, css.substr(2), format_percent(seconds / total));
    }
    html += fmt::format("</div></td><td class=\"num\"><b>{}</b></td></tr>",
                        format_percent(waiting / total));
  }
  return html + "</tbody></table>";
}

std::string key(const StageData& stage) {
  std::map<std::string, std::string> used;
  for (const TimelineSpan& span : stage.spans) {
    const Activity& activity = activity_of(span.name);
    used[activity.css] = activity.label;
  }
  std::string html = "<div class=\"key\">";
  for (const auto& [css, label] : used)
    html += fmt::format("<span><i class=\"{}\"></i>{}</span>", css, label);
  return html + "</div>";
}

std::string stage_timeline(const StageData& stage, std::size_t index) {
  std::size_t num_ranks = 0;
  const std::vector<Lane> lanes = lanes_of(stage.spans, num_ranks);
  const std::vector<StepRange> steps = step_ranges(stage.spans);
  const std::size_t shown = steps.size() / 2;
  const double begin = steps[shown].begin + steps[shown].shift;
  const double width = std::max(steps[shown].end - steps[shown].begin, 1e-6);
  const double height = kLaneHeight * static_cast<double>(lanes.size());
  std::string html = fmt::format("<div class=\"timeline\"><h3><i class=\"dot {}\"></i>{}</h3>",
                                 stage_colour(index), escape_html(stage_label(stage.name)));
  if (lanes.size() < num_ranks)
    html += fmt::format("<p class=\"quiet\">{} of {} ranks</p>", lanes.size(), num_ranks);
  html += "<div class=\"bar\">" + key(stage) + controls(steps, shown) + "</div>";
  html += fmt::format(
      "<div class=\"lanes\"><div class=\"names\">{}</div><div><svg preserveAspectRatio=\"none\" "
      "style=\"height:{}px\" viewBox=\"{:.9g} 0 {:.9g} {}\" role=\"img\" "
      "aria-label=\"timeline\">{}</svg>"
      "<div class=\"ticks\">{}</div></div></div>",
      lane_labels(lanes), height, begin, width, height, rectangles(stage, lanes, steps),
      tick_labels(width));
  return html + shares(stage, steps) + "<script type=\"application/json\">" + step_data(steps) +
         "</script></div>";
}

}  // namespace

std::string render_timeline(const RunData& run) {
  std::string html;
  for (std::size_t i = 0; i < run.stages.size(); ++i)
    if (!run.stages[i].spans.empty()) html += stage_timeline(run.stages[i], i);
  if (html.empty()) return "";
  return "<section id=\"timeline\"><h2>Timeline</h2><p class=\"quiet\">one lane a rank; time "
         "between "
         "recorded steps is left out; waiting is a share of the "
         "steps' duration</p>" +
         html + "</section>";
}

}  // namespace r1::metrics
