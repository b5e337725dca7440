/** How a report looks, light and dark. */

const LIGHT = `
  --is-dark: 0; color-scheme: light;
  --page: #f4f5f8; --card: #ffffff; --ink: #17202e; --muted: #647184; --line: #e4e8ee;
  --accent: #3457d5; --warm: #c2570c; --passed: #0b7d57; --failed: #c92a2a; --skipped: #8a6100;
  --passed-soft: #e3f5ee; --failed-soft: #fdeaea; --skipped-soft: #fbf1d9;
  --fault-shade: rgba(201, 42, 42, 0.09); --quiet-shade: rgba(11, 125, 87, 0.08);
  --fault: #d9574f; --down: #3d4757; --phase: #dfe5f3; --phase-ink: #32405c; --quiet: #bfe6d6; --shadow: 0 1px 3px rgba(20, 30, 50, 0.07);
`;

const DARK = `
  --is-dark: 1; color-scheme: dark;
  --page: #0d1219; --card: #151c26; --ink: #e4eaf2; --muted: #92a0b3; --line: #253040;
  --accent: #7d9bff; --warm: #ffa45c; --passed: #41cf97; --failed: #ff7b72; --skipped: #e5b84d;
  --passed-soft: #12302a; --failed-soft: #3a1a1c; --skipped-soft: #33290f;
  --fault-shade: rgba(255, 107, 96, 0.13); --quiet-shade: rgba(65, 207, 151, 0.1);
  --fault: #c9514a; --down: #5b6879; --phase: #232f45; --phase-ink: #b9c7e4; --quiet: #1e4b3d; --shadow: none;
`;

export const REPORT_STYLE: string = `
:root { ${LIGHT} }
@media (prefers-color-scheme: dark) { :root:not([data-theme='light']) { ${DARK} } }
:root[data-theme='dark'] { ${DARK} }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 14px/1.5 system-ui, 'Segoe UI', Roboto, sans-serif; }
main { max-width: 1240px; margin: 0 auto; padding: 28px 24px 48px; }
code { font: 12.5px/1.5 ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; }
header { display: flex; gap: 24px; justify-content: space-between; align-items: flex-start; }
h1 { margin: 2px 0 8px; font-size: 28px; line-height: 1.2; letter-spacing: -0.015em; }
h1 span { margin-left: 14px; color: var(--muted); font-size: 19px; font-weight: 500; letter-spacing: 0; }
h2 { margin: 0 0 14px; font-size: 17px; letter-spacing: -0.005em; }
.eyebrow { margin: 0; color: var(--muted); font-size: 12px; font-weight: 600; letter-spacing: 0.07em; text-transform: uppercase; }
.facts { margin: 2px 0; color: var(--muted); }
.verdict-box { flex: none; padding: 14px 20px; border-radius: 12px; text-align: right; }
.verdict-box strong { display: block; font-size: 18px; }
.verdict-box span { font-size: 13px; opacity: 0.85; }
.verdict-box.passed, .mark.passed { background: var(--passed-soft); color: var(--passed); }
.verdict-box.failed, .mark.failed { background: var(--failed-soft); color: var(--failed); }
.verdict-box.skipped, .mark.skipped { background: var(--skipped-soft); color: var(--skipped); }
.replay { display: flex; gap: 10px; align-items: center; margin: 18px 0; padding: 9px 10px 9px 16px; border: 1px solid var(--line); border-radius: 10px; background: var(--card); }
.replay span { flex: none; color: var(--muted); }
.replay b { color: var(--ink); }
.replay code { flex: 1; min-width: 0; overflow-x: auto; white-space: nowrap; }
button { padding: 4px 12px; border: 1px solid var(--line); border-radius: 7px; background: transparent; color: var(--ink); font: inherit; cursor: pointer; }
button:hover { border-color: var(--muted); }
.tiles { display: grid; grid-template-columns: repeat(6, 1fr); gap: 12px; margin-bottom: 18px; }
.tile { display: flex; flex-direction: column; padding: 13px 16px; border-radius: 12px; background: var(--card); box-shadow: var(--shadow); }
.tile span, .tile small { color: var(--muted); font-size: 12px; line-height: 1.35; }
.tile strong { margin: auto 0 1px; padding-top: 4px; font-size: 24px; font-weight: 650; letter-spacing: -0.02em; }
.tile.passed strong { color: var(--passed); }
.tile.failed strong { color: var(--failed); }
section { margin-bottom: 18px; padding: 20px 22px; border-radius: 14px; background: var(--card); box-shadow: var(--shadow); }
.lane { display: grid; grid-template-columns: 150px 1fr; align-items: center; padding-right: 20px; }
.lane-label { padding-right: 12px; overflow: hidden; color: var(--muted); font-size: 12.5px; text-align: right; text-overflow: ellipsis; white-space: nowrap; }
.track { position: relative; height: 26px; border-bottom: 1px solid var(--line); }
.ticks .track { height: 18px; }
.ticks i { position: absolute; bottom: 0; width: 0; color: var(--muted); font-size: 11px; font-style: normal; }
.ticks b { position: absolute; bottom: 2px; transform: translateX(-50%); font-weight: 400; white-space: nowrap; }
.bar { position: absolute; top: 4px; bottom: 4px; min-width: 3px; overflow: hidden; border-radius: 4px; font-size: 11px; line-height: 17px; white-space: nowrap; }
.bar span { padding: 0 7px; }
.bar.fault { background: var(--fault); color: #fff; }
.bar.unproven { background: repeating-linear-gradient(45deg, var(--fault) 0 6px, transparent 6px 10px); color: var(--ink); }
.bar.down { top: 9px; bottom: 9px; background: repeating-linear-gradient(90deg, var(--down) 0 5px, transparent 5px 8px); }
.bar.phase { border-radius: 4px; background: var(--phase); color: var(--phase-ink); box-shadow: inset -2px 0 0 var(--card); }
.bar.phase.quiet { background: var(--quiet); }
figure { margin: 20px 0 0; }
figcaption { padding-left: 150px; font-size: 13px; font-weight: 600; }
.chart { position: relative; min-height: 150px; }
.uplot, .u-legend { font: inherit; }
.u-legend { position: absolute; top: -23px; right: 20px; width: auto; color: var(--muted); font-size: 12px; }
.u-legend th, .u-legend td { padding: 0 3px; border: 0; font-weight: 400; }
.u-legend .u-value { min-width: 52px; color: var(--ink); text-align: left; font-variant-numeric: tabular-nums; }
.u-legend .u-series:first-child .u-marker { display: none; }
.u-legend .u-marker { width: 9px; height: 9px; border-radius: 5px; background: currentColor; }
.u-series.u-off { opacity: 0.35; }
.u-select { background: var(--quiet-shade); }
.u-cursor-x, .u-cursor-y { border-color: var(--muted) !important; }
.verdict { border-top: 1px solid var(--line); }
.verdict:first-child { border-top: 0; }
.head { display: grid; grid-template-columns: 76px 38px minmax(240px, 1fr) 2fr; gap: 8px; align-items: center; padding: 7px 2px; }
summary.head { cursor: pointer; }
summary::-webkit-details-marker { display: none; }
summary .name::after { content: ' ▸'; color: var(--muted); }
details[open] summary .name::after { content: ' ▾'; }
.mark { display: inline-block; padding: 1px 9px; border-radius: 9px; font-size: 12px; font-weight: 600; text-align: center; white-space: nowrap; }
.looked { color: var(--muted); font-size: 12.5px; text-align: right; }
.verdict.skipped .name { color: var(--muted); }
.note { margin: 8px 0; color: var(--muted); font-size: 12.5px; }
.verdict .note { margin: 2px 0 8px 130px; }
table { width: 100%; border-collapse: collapse; font-size: 12.5px; }
details table { margin: 4px 0 14px; }
th { padding: 5px 8px; color: var(--muted); font-weight: 500; text-align: left; white-space: nowrap; }
td { padding: 5px 8px; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
td.number { white-space: nowrap; font-variant-numeric: tabular-nums; }
footer { color: var(--muted); font-size: 12.5px; }
@media (max-width: 900px) { .tiles { grid-template-columns: repeat(3, 1fr); } header { flex-direction: column; } .verdict-box { text-align: left; } }
@media print { section, .tile { break-inside: avoid; box-shadow: none; border: 1px solid var(--line); } button { display: none; } }
`;
