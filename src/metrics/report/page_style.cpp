// The report's style sheet: light and dark mode by the browser's setting, and a switch on the page.
#include "metrics/report/sections.h"

namespace r1::metrics {

const char* const kPageStyle = R"css(
:root{color-scheme:light dark;--page:#f6f5f1;--card:#fffffd;--ink:#1b1b19;--soft:#5d5c57;--faint:#8f8d86;
--line:#e3e1d9;--grid:#ecebe4;--good:#0a7a3d;--bad:#c23434;--accent:#2a6fc9;--think:#f3efff;--thinkline:#b3a2ea;
--k0:#2a78d6;--k1:#e0602c;--k2:#159a68;--k3:#b97c00;--k4:#d55a88;--k5:#5b48bd;--k6:#177a17;--k7:#d43f3f}
@media (prefers-color-scheme:dark){:root:not([data-theme=light]){--page:#141413;--card:#1d1d1b;--ink:#f0efe9;--soft:#b5b3aa;
--faint:#86847c;--line:#33322e;--grid:#2a2926;--good:#4bc584;--bad:#f07a7a;--accent:#6aa9f2;--think:#25212f;--thinkline:#7565b8;
--k0:#4b93e8;--k1:#e87848;--k2:#2ab584;--k3:#d29a22;--k4:#e07ba2;--k5:#9a8cf0;--k6:#4aa84a;--k7:#ea6a6a}}
:root[data-theme=dark]{--page:#141413;--card:#1d1d1b;--ink:#f0efe9;--soft:#b5b3aa;
--faint:#86847c;--line:#33322e;--grid:#2a2926;--good:#4bc584;--bad:#f07a7a;--accent:#6aa9f2;--think:#25212f;--thinkline:#7565b8;
--k0:#4b93e8;--k1:#e87848;--k2:#2ab584;--k3:#d29a22;--k4:#e07ba2;--k5:#9a8cf0;--k6:#4aa84a;--k7:#ea6a6a}
:root[data-theme=dark]{color-scheme:dark}:root[data-theme=light]{color-scheme:light}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
nav{position:sticky;top:0;z-index:5;background:var(--page);border-bottom:1px solid var(--line);padding:9px 28px;display:flex;gap:20px;overflow-x:auto;font-size:14px}
nav a{color:var(--soft);text-decoration:none;white-space:nowrap}nav a:hover{color:var(--accent)}nav button{margin-left:auto;white-space:nowrap}
main{max-width:1320px;margin:0 auto;padding:0 28px 60px}
header{padding:34px 0 4px}h1{font-size:30px;line-height:1.2;margin:0 0 14px;letter-spacing:-.02em;overflow-wrap:anywhere}
h2{font-size:20px;margin:0 0 4px;letter-spacing:-.01em}h3{font-size:14.5px;margin:24px 0 10px;color:var(--soft);font-weight:600}
section{margin-top:40px;scroll-margin-top:52px}p{margin:0 0 12px}
.quiet{color:var(--faint);font-weight:400}.good{color:var(--good)}.plain{color:inherit}
.facts{display:flex;flex-wrap:wrap;gap:6px 26px;margin:0}.facts dt{color:var(--faint);font-size:12.5px}.facts dd{margin:0;font-size:14px;overflow-wrap:anywhere}
#summary{margin-top:22px}.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:12px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;min-width:0}
.tile .label{color:var(--soft);font-size:13px}.tile .value{font-size:23px;font-weight:650;letter-spacing:-.02em;line-height:1.35}
.tile.alarm{border-color:var(--bad)}.tile.alarm .value,td.bad{color:var(--bad)}
.tile .note{color:var(--faint);font-size:12.5px;overflow-wrap:anywhere}
.scroll{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:9px 14px;text-align:left;border-bottom:1px solid var(--line);white-space:nowrap}
tbody tr:last-child>*{border-bottom:0}thead th{color:var(--soft);font-weight:500;font-size:13px}th[scope=row]{font-weight:600}
.num{text-align:right}#stages table{font-size:13.5px}#stages thead th{white-space:normal;vertical-align:bottom}#stages :is(th,td){padding:9px 7px}#stages :is(th,td):first-child{padding-left:14px}#stages :is(th,td):last-child{padding-right:14px}
.evaluation td,.evaluation th[scope=row]{vertical-align:top}
.evaluation .pass{font-size:16px;font-weight:500}.best .pass{font-weight:750}
.interval{color:var(--soft);font-size:12.5px;margin-left:8px}.size{display:block;font-size:11.5px}
.score{display:block;width:120px;height:12px;margin:2px 0 0 auto}.score .track{fill:var(--grid)}.score .bar{fill:var(--accent);opacity:.55}
.best .score .bar{opacity:1}.whisker{stroke:var(--ink);stroke-width:1.2;fill:none}
.dot{display:inline-block;width:9px;height:9px;border-radius:50%;background:var(--c);margin-right:7px;flex:none}
.c0{--c:var(--k0)}.c1{--c:var(--k1)}.c2{--c:var(--k2)}.c3{--c:var(--k3)}.c4{--c:var(--k4)}.c5{--c:var(--k5)}.c6{--c:var(--k6)}.c7{--c:var(--k7)}
button,select{font:inherit;font-size:13px;color:var(--ink);background:var(--card);border:1px solid var(--line);border-radius:7px;padding:3px 10px;cursor:pointer}
button:hover,select:hover{border-color:var(--faint)}button[aria-pressed=true]{border-color:var(--faint)}button[aria-pressed=false]{opacity:.5}
.filter button[aria-pressed=false]{opacity:1}.filter button[aria-pressed=true]{background:var(--ink);color:var(--page);border-color:var(--ink)}
.legend,.filter{display:flex;flex-wrap:wrap;gap:7px;align-items:center;font-size:13px}.legend{margin-top:10px}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(370px,100%),1fr));gap:14px}
.chart{margin:0;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 12px 10px;min-width:0}
figcaption{display:flex;justify-content:space-between;gap:10px;align-items:baseline;font-size:14px;margin:0 4px 4px}
figcaption b{flex:none;max-width:100%}figcaption code{min-width:0;white-space:nowrap;color:var(--faint);font-size:11.5px;overflow:hidden;text-overflow:ellipsis}
.chart svg{display:block;width:100%;height:auto;touch-action:pan-y}.chart text{font-size:11px;fill:var(--faint);font-variant-numeric:tabular-nums}
.grid{stroke:var(--grid);fill:none}.axis{stroke:var(--line);fill:none}.cursor{stroke:var(--faint);stroke-dasharray:3 3;fill:none}
.line path{fill:none;stroke:var(--c);stroke-width:1.9;stroke-linejoin:round;stroke-linecap:round}.line .raw{stroke-width:1;opacity:.32}.line circle{fill:var(--c)}
.changes{display:flex;flex-wrap:wrap;gap:2px 14px;font-size:12.5px;color:var(--soft);margin:4px 4px 0;font-variant-numeric:tabular-nums}
#tip{position:fixed;z-index:9;pointer-events:none;background:var(--card);border:1px solid var(--line);border-radius:8px;box-shadow:0 4px 18px #0003;padding:7px 10px;font-size:12.5px;display:none;font-variant-numeric:tabular-nums}
#tip div{display:flex;align-items:center;gap:2px}#tip b{margin-left:auto;padding-left:14px}
.samples{display:grid;gap:14px;margin-top:14px}.sample{background:var(--card);border:1px solid var(--line);border-left:4px solid var(--faint);border-radius:10px;padding:13px 18px;min-width:0}
.is-right{border-left-color:var(--good)}.is-wrong{border-left-color:var(--bad)}
.sample-head{display:flex;flex-wrap:wrap;gap:8px;align-items:center;font-size:13.5px}.sample-head .dot{margin-right:0}.space{flex:1}
.badge{font-size:12.5px;border-radius:20px;padding:1px 10px;border:1px solid currentColor;white-space:nowrap}.badge.right{color:var(--good)}.badge.wrong{color:var(--bad)}.badge.neutral,.badge.reward{color:var(--soft)}
pre{font:13px/1.55 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:0}
.problem{font:15px/1.5 inherit;font-family:inherit;margin:10px 0 6px}.gold{font-size:13.5px;color:var(--soft);margin-bottom:8px}
code{font:12.5px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
details>summary{cursor:pointer;font-size:13px;color:var(--soft)}.prompt pre{margin:6px 0;color:var(--soft)}
.completion{margin-top:8px;display:grid;gap:8px}.thinking{background:var(--think);border-left:3px solid var(--thinkline);border-radius:6px;padding:7px 12px}
.thinking pre{margin-top:6px}.peek{display:block;overflow:hidden;white-space:nowrap;text-overflow:ellipsis;color:var(--faint);font-size:12.5px}.thinking[open] .peek{display:none}
.parts{display:flex;flex-wrap:wrap;gap:5px 20px;margin-top:11px;font-size:12.5px;color:var(--soft)}.part{display:flex;gap:7px;align-items:center}
.stack{background:var(--grid)}.meter{width:54px;height:5px;border-radius:3px;background:var(--grid);overflow:hidden}.meter i{display:block;height:100%;background:var(--accent)}
.timeline{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:4px 18px 10px;margin-bottom:14px}.timeline h3{margin:12px 0 6px;color:var(--ink)}
.timeline .bar{display:flex;flex-wrap:wrap;gap:8px 20px;justify-content:space-between;align-items:center;margin-bottom:8px}
.key{display:flex;flex-wrap:wrap;gap:4px 14px;font-size:12.5px;color:var(--soft)}.key i{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:5px;vertical-align:-1px}
.lanes{display:grid;grid-template-columns:minmax(90px,170px) 1fr;gap:12px}.lanes svg{display:block;width:100%}.names div{height:26px;line-height:26px;font-size:12.5px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.ticks{display:flex;justify-content:space-between;border-top:1px solid var(--line);font-size:11.5px;color:var(--faint);padding-top:3px}
.shares{margin-top:8px}.shares th,.shares td{padding:6px 10px 6px 0}.shares td:nth-child(3){width:100%}.stack{display:flex;height:12px;border-radius:4px;overflow:hidden;min-width:120px}.stack i{display:block}
.a-generate{fill:var(--k0);background:var(--k0)}.a-update{fill:var(--k1);background:var(--k1)}.a-reward{fill:var(--k2);background:var(--k2)}.a-reference{fill:var(--k5);background:var(--k5)}
.a-move{fill:var(--k4);background:var(--k4)}.a-evaluate{fill:var(--k6);background:var(--k6)}.a-save{fill:var(--k3);background:var(--k3)}.a-other{fill:var(--faint);background:var(--faint)}.a-wait{fill:var(--line);background:var(--line)}
#appendix details{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:7px 14px;margin-top:7px}#appendix pre{margin-top:8px}
footer{margin-top:40px;color:var(--faint);font-size:12.5px}.off{display:none!important}
@media (max-width:640px){nav,main{padding-left:14px;padding-right:14px}h1{font-size:24px}header{padding-top:20px}.tiles{grid-template-columns:repeat(auto-fit,minmax(140px,1fr))}}
@media print{nav,.filter{display:none}.chart,.sample,.timeline{break-inside:avoid}}
)css";

}  // namespace r1::metrics
