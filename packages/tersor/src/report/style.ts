/** The look of a report: no fonts and no pictures from elsewhere, dark where the system is, one column on phones. */
export const STYLE = `
:root{color-scheme:light dark;--page:#f6f6f3;--card:#fff;--ink:#1c2128;--soft:#57606a;--line:#dfe2e6;--before:#aab4bf;--after:#14735c;--error:#b35900;--good:#116329;--warn:#7d4e00;--bad:#b3202c;--good-page:#e6f4ea;--warn-page:#fff3d6;--bad-page:#ffe9e9;--embedding:#c2571a;--linear:#2563a8;--conv:#14735c;--recurrent:#7b4bb0;--other:#8c959f}
@media (prefers-color-scheme:dark){:root{--page:#0e1116;--card:#161b22;--ink:#e6e9ed;--soft:#9da7b3;--line:#2d343d;--before:#57626e;--after:#3fb68f;--error:#e0913a;--good:#56d07a;--warn:#e3b341;--bad:#ff8f88;--good-page:#12271a;--warn-page:#2b2310;--bad-page:#331a1c;--embedding:#e58a4f;--linear:#62a4ea;--conv:#3fb68f;--recurrent:#b18ae6;--other:#7d8793}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1180px;margin:0 auto;padding:clamp(16px,4vw,48px)}
h1{font-size:clamp(1.5rem,4vw,2.4rem);line-height:1.15;margin:.1em 0 .3em;overflow-wrap:anywhere;letter-spacing:-.02em}
h2{font-size:1.05rem;margin:0 0 .7em}
h3{font-size:.9rem;margin:0}
p{margin:.35em 0}
small,.soft,.sub{color:var(--soft)}
.soft{font-size:.875rem;overflow-wrap:anywhere}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.85rem}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.eyebrow{color:var(--soft);font-size:.875rem;margin:0}
.brand{color:var(--after);font-weight:700}
.hero{margin:1em 0 1.4em}
.hero p{margin:0}
.number{font-size:clamp(2rem,7vw,4rem);font-weight:700;letter-spacing:-.035em;line-height:1.1;white-space:nowrap;font-variant-numeric:tabular-nums}
.before-number,.arrow{color:var(--soft);font-weight:500}
.arrow{font-size:clamp(1.5rem,4vw,2.5rem);margin:0 .12em}
.badge code{white-space:nowrap}
.sub{font-size:1.15rem}
.sub strong{color:var(--after)}
.banner,.badge{border-radius:8px;padding:.5em .8em;margin:.6em 0}
.badge{display:inline-block;font-size:.875rem;margin:0 0 .5em}
.banner.warn,.badge.warn{background:var(--warn-page);color:var(--warn)}
.banner.bad{background:var(--bad-page);color:var(--bad)}
.badge.good{background:var(--good-page);color:var(--good)}
.kinds{margin:0 0 2em}
.bar-row{display:grid;grid-template-columns:4em 1fr;align-items:center;gap:.6em;margin:.4em 0;font-size:.875rem;color:var(--soft)}
.bar{width:100%;height:26px;display:block;background:var(--line);border-radius:5px}
.legend{width:auto;margin:.8em 0 0 calc(4em + .6em)}
.swatch{width:.75em;height:.75em;margin-right:.45em;vertical-align:-.05em}
.embedding{fill:var(--embedding)}.linear{fill:var(--linear)}.conv{fill:var(--conv)}.recurrent{fill:var(--recurrent)}.other{fill:var(--other)}
rect.before{fill:var(--before)}rect.after{fill:var(--after)}rect.error{fill:var(--error)}
.promises{list-style:none;padding:0;margin:0 0 1.6em;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,220px),1fr));gap:10px}
.promises li{display:grid;grid-template-columns:auto 1fr auto;gap:.7em;align-items:center;background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.7em .9em}
.mark{width:1.7em;height:1.7em;border-radius:50%;display:grid;place-items:center;font-weight:700}
.good .mark{background:var(--good-page);color:var(--good)}.warn .mark{background:var(--warn-page);color:var(--warn)}.bad .mark{background:var(--bad-page);color:var(--bad)}
.promised{display:block;font-size:.875rem;color:var(--soft)}
.promises li>div{min-width:0}
.actual{overflow-wrap:anywhere;font-weight:600;font-variant-numeric:tabular-nums}
.word{font-size:.8rem}
li.good .word{color:var(--good)}li.warn .word{color:var(--warn)}li.bad .word{color:var(--bad)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr));gap:16px}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:clamp(14px,2.4vw,22px);min-width:0}
.pairs{grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr))}
.wide{grid-column:1/-1}
.big{font-size:2rem;font-weight:700;letter-spacing:-.02em;line-height:1.2;font-variant-numeric:tabular-nums}
.big small{font-size:1rem;font-weight:400;letter-spacing:0}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.35em .5em;border-bottom:1px solid var(--line);vertical-align:top}
th:first-child,td:first-child{padding-left:0}th:last-child,td:last-child{padding-right:0}
tbody tr:last-child>*{border-bottom:0}
thead th{vertical-align:middle;color:var(--soft);font-weight:500;font-size:.825rem}
tbody th{font-weight:500}
.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.strong>*{font-weight:650}
.scroll-x{overflow-x:auto;margin-top:.8em}
.bars td:nth-child(2){width:65%;vertical-align:middle}
.single,.pair{width:100%;display:block}
.single{height:10px}.pair{height:16px}
.bars .single{height:14px}
.bars+.bars{margin-top:1em}
.bars caption{text-align:left;color:var(--soft);font-size:.825rem;overflow-wrap:anywhere;padding-bottom:.2em}
.bars small{display:block;font-size:.78rem;font-weight:400}
.rail{fill:var(--line)}.whisker{opacity:.55}.middle{fill:var(--ink)}
.skyline{margin:.8em 0 1.2em}
.lane{border-bottom:1px solid var(--line)}
.lane.low{border:0}
.lane svg{display:block;width:100%;height:110px}
.lane.low svg{height:56px}
.lane span{font-size:.75rem;color:var(--soft);font-variant-numeric:tabular-nums}
.lane.low{display:flex;flex-direction:column-reverse}
.lane path{stroke-width:.72;fill:none}
path.before{stroke:var(--before)}path.after{stroke:var(--after)}path.error{stroke:var(--error)}
.scroll-x tbody th{overflow-wrap:anywhere;min-width:5em}
svg text{font:12px system-ui,sans-serif;fill:var(--soft);text-anchor:middle}
svg text.value{fill:var(--ink);font-weight:600}
svg text.end{text-anchor:end}
.plot{width:100%;max-width:420px;display:block;margin:.5em 0}
.axis,.grid{stroke:var(--line);stroke-width:1.5}
.tick{stroke:var(--soft);stroke-width:1.5}
.limit{stroke:var(--bad);stroke-width:1.5;stroke-dasharray:4 3}
circle.good{fill:var(--good)}circle.bad{fill:var(--bad)}
.spread.good{fill:var(--good);opacity:.3}.spread.bad{fill:var(--bad);opacity:.3}
.area{fill:var(--after);opacity:.8}
.dot{fill:var(--after);opacity:.45}
.maps th{width:1%;white-space:nowrap;padding-right:1em}.maps td{vertical-align:middle}
.map{display:block;width:100%;height:22px}
.what{min-width:16em}.steps th,.steps small{white-space:nowrap}.steps td:nth-child(2){width:40%}
#weights.reasons th:nth-child(1){width:32%}#weights.reasons th:nth-child(2){width:24%}
.kinds .share{width:28%;vertical-align:middle}
.front{width:100%;max-width:760px;display:block;margin:0 auto}
.way{fill:none;stroke:var(--after);stroke-width:2}
.point{fill:var(--after)}.chosen{fill:var(--error);stroke:var(--card);stroke-width:3}
.tools{display:none;gap:1em;align-items:center;justify-content:space-between;flex-wrap:wrap;margin:.6em 0;font-size:.9rem}
.js .tools{display:flex}
#found{color:var(--soft)}
input,button{font:inherit;color:inherit;background:var(--page);border:1px solid var(--line);border-radius:7px;padding:.3em .7em}
button{cursor:pointer;font-size:.85rem}
button:hover{border-color:var(--soft)}
:focus-visible{outline:2px solid var(--linear);outline-offset:2px}
.scroll{max-height:70vh;overflow:auto;border-top:1px solid var(--line);border-bottom:1px solid var(--line)}
#weights{table-layout:fixed}
#weights thead th{position:sticky;top:0;background:var(--card);z-index:1;box-shadow:0 1px 0 var(--line)}
#weights thead button{padding:.1em .5em;margin-left:-.5em;border-color:transparent;background:none}
#weights th[aria-sort] button::after{content:" ↓"}
#weights tbody th{overflow-wrap:anywhere}
#weights small{display:block;font-weight:400;font-size:.8rem;font-variant-numeric:tabular-nums}
#weights th:nth-child(1){width:52%}#weights th:nth-child(2){width:30%}
.paste{margin:0 0 1em}
.paste p{margin:.3em 0 0}
.paste>div{display:flex;gap:.8em;align-items:baseline;flex-wrap:wrap;margin-bottom:.3em}
.paste button{display:none;margin-left:auto}
.js .paste button{display:inline-block}
pre{margin:0;padding:.8em 1em;background:var(--page);border:1px solid var(--line);border-radius:8px;overflow:auto;max-height:26em}
details{margin-top:.6em}
summary{cursor:pointer;padding:.3em 0}
details[open] summary{margin-bottom:.6em}
.notes{margin:0;padding-left:1.2em}
footer{margin-top:2em;color:var(--soft);font-size:.85rem}
dl{display:grid;gap:.25em;margin:0}
dl div{display:grid;grid-template-columns:8em 1fr;gap:1em}
dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}
@media (max-width:560px){.front text{font-size:19px}.legend{margin-left:0;width:100%}#weights tr{display:grid;grid-template-columns:3fr 2fr;gap:0 1em;border-bottom:1px solid var(--line);padding:.4em 0}#weights tr[hidden]{display:none}#weights tbody th{grid-column:1/-1;width:auto}#weights thead th:first-child{display:none}#weights thead{position:sticky;top:0;background:var(--card);z-index:1}#weights tr>*{border:0;padding:.1em 0;width:auto!important;box-shadow:none!important}.scroll-x table{font-size:.82rem}dl div{grid-template-columns:1fr;gap:0}.word{display:none}}
@media print{.scroll{max-height:none;overflow:visible}body{background:#fff}}
`;
