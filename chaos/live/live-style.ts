/** How the live view looks, light and dark. */
export const LIVE_STYLE: string = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f4f5f8, #0d1219); --card: light-dark(#fff, #151c26); --ink: light-dark(#17202e, #e4eaf2);
  --muted: light-dark(#647184, #92a0b3); --line: light-dark(#dfe4eb, #2a3646); --region: light-dark(#fafbfd, #111823);
  --up: light-dark(#8fa3bf, #4f6580); --flow: light-dark(#3457d5, #7d9bff); --cut: light-dark(#d63a32, #ff6b60);
  --degraded: light-dark(#c77800, #e9a93c); --same: light-dark(#0b9d6b, #35c98e); --behind: light-dark(#e08700, #ffb347);
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 14px/1.45 system-ui, 'Segoe UI', Roboto, sans-serif; }
header { display: flex; justify-content: space-between; align-items: flex-end; padding: 18px 26px 12px; }
h1 { margin: 0; font-size: 22px; letter-spacing: -0.01em; }
h2 { margin: 0 0 6px; color: var(--muted); font-size: 12px; font-weight: 600; }
.eyebrow { margin: 0; color: var(--muted); font-size: 11.5px; font-weight: 600; letter-spacing: 0.07em; text-transform: uppercase; }
#phase { margin: 0; color: var(--muted); font-variant-numeric: tabular-nums; }
#phase b { display: inline-block; margin-right: 8px; padding: 2px 12px; border-radius: 12px; background: var(--card); color: var(--ink); }
.stage { display: grid; grid-template-columns: 1fr 310px; gap: 18px; padding: 0 26px 26px; }
#scene { width: 100%; height: calc(100vh - 110px); min-height: 460px; border-radius: 16px; background: var(--card); }
aside { display: flex; flex-direction: column; gap: 20px; padding: 20px; border-radius: 16px; background: var(--card); }
#agreement { padding: 13px 16px; border-radius: 12px; background: color-mix(in srgb, var(--same) 14%, transparent); color: var(--same); font-size: 17px; font-weight: 650; transition: background 0.3s, color 0.3s; }
#agreement small { display: block; font-size: 12.5px; font-weight: 400; }
#agreement.apart { background: color-mix(in srgb, var(--behind) 16%, transparent); color: var(--behind); }
#history { display: block; width: 100%; height: 84px; border-bottom: 1px solid var(--line); }
dl { display: grid; grid-template-columns: 1fr auto; gap: 4px 12px; margin: 0; }
dt { color: var(--muted); }
dd { margin: 0; font-variant-numeric: tabular-nums; font-weight: 600; text-align: right; }
ul { margin: 0; padding: 0; list-style: none; }
#broken li { margin-bottom: 4px; padding-left: 12px; border-left: 3px solid var(--cut); }
#broken li.none { border-color: var(--line); color: var(--muted); }
.hint, .hint label { color: var(--muted); font-size: 12.5px; }
.hint { margin: auto 0 0; }
select { border: 1px solid var(--line); border-radius: 6px; background: var(--page); color: var(--ink); font: inherit; }
#trouble { margin: 0; color: var(--cut); font-size: 12.5px; }
#trouble:empty { display: none; }
.region rect { fill: var(--region); stroke: var(--line); }
.region text { fill: var(--muted); font-size: 13px; font-weight: 600; letter-spacing: 0.05em; text-transform: uppercase; }
.link { cursor: pointer; outline: none; }
.link path { fill: none; }
.link .wire { stroke: var(--up); stroke-width: 2; transition: stroke 0.2s; }
.link .flow { stroke: var(--flow); stroke-width: 2.5; stroke-dasharray: 2 14; stroke-linecap: round; opacity: 0; animation: flow 1s linear infinite; }
.link.busy .flow { opacity: 0.9; }
.link .touch { stroke: transparent; stroke-width: 18; pointer-events: stroke; }
.link:hover .wire, .link:focus-visible .wire { stroke: var(--flow); stroke-width: 3.5; }
.link.cut .wire { stroke: var(--cut); stroke-width: 2.5; stroke-dasharray: 7 7; }
.link.degraded .wire { stroke: var(--degraded); stroke-dasharray: 12 4; }
.link.cut .flow { opacity: 0; }
.link .handle { fill: var(--card); stroke: var(--up); stroke-width: 2; transition: stroke 0.2s, r 0.2s; }
.link:hover .handle, .link:focus-visible .handle { r: 9px; stroke: var(--flow); }
.link.cut .handle { r: 8px; fill: var(--cut); stroke: var(--cut); }
.link.degraded .handle { stroke: var(--degraded); }
.link .way { display: none; fill: var(--cut); font-size: 11px; font-weight: 600; text-anchor: middle; paint-order: stroke; stroke: var(--region); stroke-width: 4px; }
.link.cut .way { display: block; }
.node, .redis, .editors { pointer-events: none; }
.node circle.body { fill: var(--card); stroke: var(--same); stroke-width: 4; transition: stroke 0.3s; }
.node circle.halo { fill: var(--same); opacity: 0.12; transition: fill 0.3s, r 0.3s; }
.node.behind circle.body { stroke: var(--behind); }
.node.behind circle.halo { fill: var(--behind); }
.node.down circle.body { stroke: var(--cut); stroke-dasharray: 6 5; }
.node.down circle.halo { fill: var(--cut); }
.node text { fill: var(--ink); font-size: 13px; font-weight: 650; text-anchor: middle; }
.node text.state { fill: var(--muted); font-size: 11.5px; font-weight: 400; }
.node.behind text.state { fill: var(--behind); font-weight: 600; }
.node.down text.state { fill: var(--cut); font-weight: 600; }
.redis rect { fill: var(--card); stroke: var(--muted); stroke-width: 2; }
.redis text { fill: var(--muted); font-size: 12px; text-anchor: middle; }
.editors circle { fill: var(--flow); opacity: 0.75; }
.editors text { fill: var(--muted); font-size: 11.5px; text-anchor: middle; }
.line { fill: none; stroke-width: 1.8; }
@keyframes flow { to { stroke-dashoffset: -16; } }
@media (prefers-reduced-motion: reduce) { .link .flow { animation: none; } }
@media (max-width: 900px) { .stage { grid-template-columns: 1fr; } #scene { height: 60vh; } }
`;
