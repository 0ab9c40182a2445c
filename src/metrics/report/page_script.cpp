// The report's script: values under the pointer, filters, zoom of the timeline. The page is
// readable without the script.
#include "metrics/report/sections.h"

namespace r1::metrics {

const char* const kPageScript = R"js(
"use strict";
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const tip = document.getElementById("tip");
const hidden = new Set();

function element(name, text, style) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (style) node.className = style;
  return node;
}
function showTip(event, nodes) {
  tip.replaceChildren(...nodes);
  tip.style.display = "block";
  const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
  const top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8);
  tip.style.left = left + "px";
  tip.style.top = top + "px";
}
function hideTip() { tip.style.display = "none"; }
function nearest(xs, x) {
  let low = 0, high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] < x) low = middle; else high = middle;
  }
  return Math.abs(xs[low] - x) <= Math.abs(xs[high] - x) ? low : high;
}
function number(value, percent) {
  if (percent) return (100 * value).toPrecision(3) + " %";
  return Math.abs(value) >= 1e6 ? value.toExponential(3) : String(+value.toPrecision(4));
}

for (const chart of all(".chart")) {
  const data = JSON.parse(chart.querySelector("script").textContent);
  const svg = chart.querySelector("svg"), cursor = svg.querySelector(".cursor");
  const left = 54, right = 430;
  svg.addEventListener("pointermove", event => {
    const box = svg.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * 440;
    if (at < left - 4 || at > right + 4) return;
    const step = data.x[0] + (at - left) / (right - left) * (data.x[1] - data.x[0]);
    const rows = [];
    let shown = null;
    for (const line of data.lines) {
      if (hidden.has(line.stage)) continue;
      const i = nearest(line.x, step);
      if (step > line.x[line.x.length - 1] + (data.x[1] - data.x[0]) / 50) continue;
      if (shown === null) shown = line.x[i];
      const row = element("div");
      row.append(element("i", "", "dot " + line.colour), line.name, element("b", number(line.y[i], data.percent)));
      rows.push(row);
    }
    if (!rows.length) return hideTip();
    cursor.setAttribute("d", "M" + at.toFixed(1) + " 8V176");
    showTip(event, [element("div", "step " + Math.round(shown), "quiet"), ...rows]);
  });
  svg.addEventListener("pointerleave", () => { cursor.setAttribute("d", ""); hideTip(); });
}

for (const button of all("#legend button")) {
  button.addEventListener("click", () => {
    const stage = +button.dataset.stage, off = !hidden.has(stage);
    if (off) hidden.add(stage); else hidden.delete(stage);
    button.setAttribute("aria-pressed", String(!off));
    for (const node of all("#curves .s" + stage)) node.classList.toggle("off", off);
  });
}

const filter = { show: "", stage: "" };
function filterSamples() {
  for (const sample of all(".sample")) {
    const fits = (!filter.show || sample.classList.contains(filter.show)) &&
                 (!filter.stage || sample.classList.contains(filter.stage));
    sample.classList.toggle("off", !fits);
  }
}
for (const button of all("#sample-filter [data-show]")) {
  button.addEventListener("click", () => {
    filter.show = button.dataset.show;
    for (const other of all("#sample-filter [data-show]")) other.setAttribute("aria-pressed", String(other === button));
    filterSamples();
  });
}
document.getElementById("sample-stage")?.addEventListener("change", event => {
  filter.stage = event.target.value;
  filterSamples();
});
document.getElementById("unfold")?.addEventListener("click", event => {
  const open = event.target.textContent.startsWith("unfold");
  for (const part of all(".thinking")) part.open = open;
  event.target.textContent = open ? "fold thinking" : "unfold thinking";
});

for (const timeline of all(".timeline")) {
  const steps = JSON.parse(timeline.querySelector("script").textContent);
  const svg = timeline.querySelector("svg"), select = timeline.querySelector("select");
  const view = () => {
    const chosen = select.value === "all" ? [steps[0][0], Math.max(...steps.map(s => s[1]))] : steps[+select.value];
    const width = Math.max(chosen[1] - chosen[0], 1e-6);
    svg.setAttribute("viewBox", [chosen[0], 0, width, svg.viewBox.baseVal.height].join(" "));
    all(".ticks span", timeline).forEach((node, i, nodes) => {
      node.textContent = +(width * i / (nodes.length - 1)).toPrecision(3) + " s";
    });
  };
  select.addEventListener("change", view);
  for (const button of all("[data-move]", timeline)) {
    button.addEventListener("click", () => {
      const index = select.selectedIndex + +button.dataset.move;
      select.selectedIndex = Math.max(0, Math.min(select.options.length - 1, index));
      view();
    });
  }
  timeline.addEventListener("pointermove", event => {
    const text = event.target.dataset?.t;
    if (text) showTip(event, [element("div", text)]); else hideTip();
  });
  timeline.addEventListener("pointerleave", hideTip);
}

document.getElementById("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
});
)js";

}  // namespace r1::metrics
