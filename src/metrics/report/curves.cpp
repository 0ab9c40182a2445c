// The curves as SVG: one small chart per metric, one line per stage. The script only adds the
// values under the pointer.
#include "metrics/report/sections.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "metrics/report/chart_catalogue.h"
#include "metrics/text.h"

namespace r1::metrics {
namespace {

// The drawing's coordinates; the page scales them.
constexpr double kWidth = 440, kHeight = 200, kLeft = 54, kRight = 10, kTop = 8, kBottom = 24;
constexpr std::size_t kSmoothFrom = 40;  // points from which a smoothed line is drawn too
constexpr std::size_t kMaxCharts = 120;

struct Line {
  std::size_t stage;
  const Series* series;
  std::vector<Point> points;
};

struct Chart {
  std::string metric;
  ChartKind kind;
  std::vector<Line> lines;
};

struct Range {
  double low = 0.0, high = 1.0;
  double size() const { return high - low; }
};

struct Axes {
  Range x, y;
  double px(double step) const {
    return kLeft + (step - x.low) / x.size() * (kWidth - kLeft - kRight);
  }
  double py(double value) const {
    return kHeight - kBottom - (value - y.low) / y.size() * (kHeight - kTop - kBottom);
  }
};

/// 1, 2 or 5 times a power of ten, so that about `count` of them fill the range.
double nice_step(double range, int count) {
  const double rough = range / count, power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0})
    if (factor * power >= rough) return factor * power;
  return 10.0 * power;
}

std::vector<double> ticks_of(const Range& range, int count) {
  std::vector<double> ticks;
  const double step = nice_step(range.size(), count);
  if (!(step > 0) || !std::isfinite(step)) return ticks;
  const double first = std::ceil(range.low / step - 1e-9);
  for (int i = 0; i <= 2 * count; ++i) {
    const double value = (first + i) * step;
    if (value > range.high + 1e-9 * step) break;
    ticks.push_back(std::fabs(value) < 1e-12 * step ? 0.0 : value);
  }
  return ticks;
}

Range widened(Range range) {
  // Numbers beyond this would overflow in the drawing's arithmetic and mean nothing there.
  constexpr double kLimit = 1e300;
  constexpr double kFlat = 1e-4;  // a smaller spread would need ticks longer than their margin
  range = {std::clamp(range.low, -kLimit, kLimit), std::clamp(range.high, -kLimit, kLimit)};
  const double size = std::max(std::fabs(range.low), std::fabs(range.high));
  if (size == 0.0) return {0.0, 1.0};
  if (range.size() <= kFlat * size) return {range.low - 0.1 * size, range.high + 0.1 * size};
  return range;
}

Axes axes_of(const Chart& chart, const RunData& run) {
  Range x{1e308, -1e308}, y{1e308, -1e308};
  for (const Line& line : chart.lines) {
    x.high = std::max(x.high, static_cast<double>(run.stages[line.stage].last_step));
    for (const Point& point : line.points) {
      x = {std::min(x.low, point.step), std::max(x.high, point.step)};
      y = {std::min(y.low, point.mean), std::max(y.high, point.mean)};
    }
  }
  Range wide = widened(y);
  const double margin = 0.06 * wide.size();
  // An axis that nearly reaches zero shows it: most of these quantities are sizes.
  const bool show_zero = y.low >= 0 && y.low < 0.5 * y.high;
  wide = {show_zero ? 0.0 : wide.low - margin, wide.high + margin};
  if (chart.kind.percent)
    wide = {std::max(wide.low, 0.0), y.high <= 1.0 ? std::min(wide.high, 1.02) : wide.high};
  return {x.size() > 0 ? x : Range{x.low - 1, x.high + 1}, wide};
}

std::string value_text(const Chart& chart, double value) {
  if (chart.kind.percent) return fmt::format("{:.3g} %", 100 * value);
  return std::fabs(value) >= 1000 ? format_short(value) : fmt::format("{:.4g}", value);
}

/// A tick's number with as many digits as tell it from its neighbour, `step` away.
std::string tick_text(double value, double step, bool percent) {
  if (percent) return tick_text(100 * value, 100 * step, false) + " %";
  if (value == 0.0) return "0";
  const double size = std::fabs(value);
  const int digits = std::max(
      1, static_cast<int>(std::floor(std::log10(size)) - std::floor(std::log10(step))) + 1);
  if (size >= 1e15 || size < 1e-3) {
    std::string text = fmt::format("{:.{}e}", value, std::min(digits - 1, 2));
    if (const auto zero = text.find("e-0"); zero != std::string::npos) text.erase(zero + 2, 1);
    return text;
  }
  if (size >= 10000) return format_short(value);
  return fmt::format("{:.{}g}", value, std::max(digits, static_cast<int>(std::log10(size)) + 1));
}

std::string grid(const Chart& chart, const Axes& axes) {
  std::string svg;
  const std::vector<double> values = ticks_of(axes.y, 5);
  const double step = values.size() > 1 ? values[1] - values[0] : 1.0;
  for (const double value : values)
    svg += fmt::format(
        "<path class=\"grid\" d=\"M{0} {1:.1f}H{2}\"/><text x=\"{3}\" y=\"{4:.1f}\" "
        "text-anchor=\"end\">{5}</text>",
        kLeft, axes.py(value), kWidth - kRight, kLeft - 6, axes.py(value) + 3.5,
        tick_text(value, step, chart.kind.percent));
  for (const double tick : ticks_of(axes.x, 5))
    if (tick == std::floor(tick))
      svg += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                         axes.px(tick), kHeight - 7,
                         tick >= 10000 ? format_short(tick) : fmt::format("{:.0f}", tick));
  return svg + fmt::format("<path class=\"axis\" d=\"M{} {}H{}\"/>", kLeft, kHeight - kBottom,
                           kWidth - kRight);
}

std::string path_of(const std::vector<Point>& points, const Axes& axes) {
  std::string path;
  for (const Point& point : points)
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", axes.px(point.step),
                        axes.py(point.mean));
  return path;
}

/// Applies `middle` to a window of about a twentieth of the values, centred so that it does not
/// lag.
template <class Middle>
std::vector<double> windowed(const std::vector<double>& values, Middle middle) {
  const std::size_t half = std::max<std::size_t>(2, values.size() / 40);
  std::vector<double> result;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t begin = i < half ? 0 : i - half, end = std::min(values.size(), i + half + 1);
    result.push_back(
        middle(std::vector<double>(values.begin() + static_cast<std::ptrdiff_t>(begin),
                                   values.begin() + static_cast<std::ptrdiff_t>(end))));
  }
  return result;
}

/// Whether most values are the smallest one, as rewards are that are seldom above zero.
bool is_sparse(const std::vector<double>& values) {
  const double lowest = *std::min_element(values.begin(), values.end());
  return 2 * std::count(values.begin(), values.end(), lowest) >
         static_cast<std::ptrdiff_t>(values.size());
}

/// Running median, so that a lone spike makes no plateau, then running mean. In a sparse series the
/// spikes are what there is to see: it has no median.
std::vector<Point> smoothed(const std::vector<Point>& points) {
  std::vector<double> values;
  for (const Point& point : points) values.push_back(point.mean);
  if (!is_sparse(values))
    values = windowed(values, [](std::vector<double> window) {
      const auto middle = window.begin() + static_cast<std::ptrdiff_t>(window.size() / 2);
      std::nth_element(window.begin(), middle, window.end());
      return *middle;
    });
  values = windowed(values, [](const std::vector<double>& window) {
    return std::accumulate(window.begin(), window.end(), 0.0) / static_cast<double>(window.size());
  });
  std::vector<Point> smooth = points;
  for (std::size_t i = 0; i < points.size(); ++i) smooth[i].mean = values[i];
  return smooth;
}

std::string drawn(const Line& line, const Axes& axes) {
  const std::string colour = stage_colour(line.stage);
  std::string svg = fmt::format("<g class=\"line {} s{}\">", colour, line.stage);
  if (line.points.size() == 1) {
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\"/>",
                       axes.px(line.points[0].step), axes.py(line.points[0].mean));
  } else if (line.points.size() < kSmoothFrom) {
    svg += "<path d=\"" + path_of(line.points, axes) + "\"/>";
  } else {
    svg += "<path class=\"raw\" d=\"" + path_of(line.points, axes) + "\"/>";
    svg += "<path d=\"" + path_of(smoothed(line.points), axes) + "\"/>";
  }
  return svg + "</g>";
}

/// The numbers that the script shows under the pointer.
std::string hover_data(const Chart& chart, const Axes& axes, const RunData& run) {
  nlohmann::ordered_json data;
  data["x"] = {axes.x.low, axes.x.high};
  data["percent"] = chart.kind.percent;
  data["lines"] = nlohmann::ordered_json::array();
  const auto rounded = [](double value) { return std::stod(fmt::format("{:.5g}", value)); };
  for (const Line& line : chart.lines) {
    nlohmann::ordered_json one;
    one["name"] = stage_label(run.stages[line.stage].name);
    one["colour"] = stage_colour(line.stage);
    one["stage"] = line.stage;
    for (const Point& point : line.points) {
      one["x"].push_back(std::round(10 * point.step) / 10);
      one["y"].push_back(rounded(point.mean));
    }
    data["lines"].push_back(std::move(one));
  }
  return escape_script_json(
      data.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

std::string changes(const Chart& chart) {
  std::string html;
  for (const Line& line : chart.lines)
    html +=
        fmt::format("<span class=\"change s{}\"><i class=\"dot {}\"></i>{} → {}</span>", line.stage,
                    stage_colour(line.stage), value_text(chart, line.series->beginning()),
                    value_text(chart, line.series->end()));
  return html;
}

std::string card(const Chart& chart, const RunData& run) {
  const Axes axes = axes_of(chart, run);
  std::string svg = grid(chart, axes);
  for (const Line& line : chart.lines) svg += drawn(line, axes);
  return fmt::format(
      "<figure class=\"chart\"><figcaption><b>{}</b><code>{}</code></figcaption>"
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">{}<path class=\"cursor\" "
      "d=\"\"/></svg>"
      "<div class=\"changes\">{}</div><script type=\"application/json\">{}</script></figure>",
      escape_html(chart.kind.title), escape_html(chart.metric), kWidth, kHeight,
      escape_html(chart.kind.title), svg, changes(chart), hover_data(chart, axes, run));
}

std::vector<Chart> charts_of(const RunData& run) {
  std::vector<Chart> charts;
  std::map<std::string, std::size_t> index;
  for (std::size_t stage = 0; stage < run.stages.size(); ++stage) {
    if (run.stages[stage].is_evaluation()) continue;  // its table has a bar for each model
    for (const auto& [metric, series] : run.stages[stage].series) {
      if (series.empty() || is_counter(metric)) continue;
      const auto [entry, is_new] = index.try_emplace(metric, charts.size());
      if (is_new) charts.push_back({metric, chart_kind(metric), {}});
      charts[entry->second].lines.push_back({stage, &series, series.points()});
    }
  }
  std::stable_sort(charts.begin(), charts.end(),
                   [](const Chart& a, const Chart& b) { return a.kind.order < b.kind.order; });
  if (charts.size() > kMaxCharts) charts.resize(kMaxCharts);
  return charts;
}

std::string legend(const RunData& run) {
  std::string html = "<div class=\"legend\" id=\"legend\">";
  for (std::size_t i = 0; i < run.stages.size(); ++i)
    if (run.stages[i].num_rows > 0 && !run.stages[i].is_evaluation())
      html += fmt::format(
          "<button type=\"button\" data-stage=\"{}\" aria-pressed=\"true\"><i class=\"dot "
          "{}\"></i>{}"
          "</button>",
          i, stage_colour(i), escape_html(stage_label(run.stages[i].name)));
  return html + "</div>";
}

}  // namespace

std::string render_curves(const RunData& run) {
  const std::vector<Chart> charts = charts_of(run);
  if (charts.empty()) return "";
  std::string html = "<section id=\"curves\"><h2>Curves</h2>" + legend(run);
  for (const std::string& section : chart_sections()) {
    std::string cards;
    for (const Chart& chart : charts)
      if (chart.kind.section == section) cards += card(chart, run);
    if (!cards.empty()) html += "<h3>" + section + "</h3><div class=\"charts\">" + cards + "</div>";
  }
  return html + "</section>";
}

}  // namespace r1::metrics
