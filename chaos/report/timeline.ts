/** The timeline of a run: what the driver did, which links and nodes were broken when, over the same seconds as the charts. */
import { html, type Html } from './html.ts';
import { duration } from './phrases.ts';
import type { FaultRecord, RunRecord } from './run-record.ts';

interface Bar {
  readonly fromMs: number;
  readonly toMs: number;
  readonly label: string;
  readonly kind: string;
  readonly title: string;
}

interface Lane {
  readonly label: string;
  readonly bars: readonly Bar[];
}

/** Steps that read well: about ten in a run. */
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1_800, 3_600];
const STEPS = 10;

export function timeline(record: RunRecord): Html {
  const lanes = [phases(record), ...nodeLanes(record), ...otherLanes(record)];
  const left = (ms: number): string =>
    ((Math.max(0, ms) / Math.max(1, record.durationMs)) * 100).toFixed(3);
  const width = ({ fromMs, toMs }: Bar): string =>
    (
      (Math.max(0, Math.min(toMs, record.durationMs) - Math.max(0, fromMs)) /
        Math.max(1, record.durationMs)) *
      100
    ).toFixed(3);
  const stepS =
    STEPS_S.find((each) => record.durationMs / 1_000 / each <= STEPS) ?? STEPS_S.at(-1) ?? 60;
  const ticks = Array.from(
    { length: Math.floor(record.durationMs / 1_000 / stepS) + 1 },
    (_, index) => index * stepS,
  );
  return html`<div class="timeline">
    <div class="lane ticks">
      <span class="lane-label"></span>
      <div class="track">
        ${ticks.map((s) => html`<i style="left:${left(s * 1_000)}%"><b>${s} s</b></i>`)}
      </div>
    </div>
    ${lanes.map(
      ({ label, bars }) =>
        html`<div class="lane">
          <span class="lane-label" title="${label}">${label}</span>
          <div class="track">
            ${bars.map(
              (bar) =>
                html`<div
                  class="bar ${bar.kind}"
                  style="left:${left(bar.fromMs)}%;width:${width(bar)}%"
                  title="${bar.title}"
                >
                  <span>${bar.label}</span>
                </div>`,
            )}
          </div>
        </div>`,
    )}
  </div>`;
}

function phases({ figures, startedMono, durationMs }: RunRecord): Lane {
  const names: Partial<Record<(typeof figures.marks)[number]['name'], string>> = {
    'baseline-end': 'load and faults',
    quiet: 'quiet: heal alone',
    settled: 'settled',
    'writers-destroyed': 'check',
  };
  const starts = figures.marks.flatMap(({ name, mono }) => {
    const label = names[name];
    return label === undefined ? [] : [{ label, fromMs: mono - startedMono, name }];
  });
  const all: { label: string; fromMs: number; name: string }[] = [
    { label: 'baseline', fromMs: 0, name: 'baseline' },
    ...starts,
  ];
  return {
    label: 'run',
    bars: all.map(({ label, fromMs, name }, index): Bar => {
      const toMs = all[index + 1]?.fromMs ?? durationMs;
      const title = `${label}: ${duration(fromMs)} to ${duration(toMs)}`;
      return { fromMs, toMs, label, kind: `phase ${name}`, title };
    }),
  };
}

function nodeLanes(record: RunRecord): Lane[] {
  return record.topology.nodes.map(({ id, region }) => ({
    label: `${id} · ${region}`,
    bars: [...downTimes(record, id), ...faultBars(record, id)],
  }));
}

/** From a crash or a stop until it was ready again. */
function downTimes({ figures, startedMono, durationMs }: RunRecord, node: string): Bar[] {
  const bars: Bar[] = [];
  let downMs: number | null = null;
  const own = figures.nodeEvents.filter((event) => event.node === node);
  for (const { type, mono } of own) {
    const atMs = mono - startedMono;
    if (type === 'crashed' || type === 'stopped' || type === 'removed') downMs ??= atMs;
    if (type === 'ready' && downMs !== null) {
      bars.push(downBar(downMs, atMs));
      downMs = null;
    }
  }
  if (downMs !== null) bars.push(downBar(downMs, durationMs));
  return bars;
}

function downBar(fromMs: number, toMs: number): Bar {
  return { fromMs, toMs, label: '', kind: 'down', title: `down for ${duration(toMs - fromMs)}` };
}

/** Of links, Redis servers, editors: one lane each, if something happened to it. */
function otherLanes(record: RunRecord): Lane[] {
  const nodes = new Set(record.topology.nodes.map(({ id }) => id));
  const targets = new Set(
    record.faults
      .filter(({ status }) => status === 'injected')
      .flatMap(({ targets: all }) => all)
      .filter((target) => !nodes.has(target)),
  );
  return [...targets].map((target) => ({ label: target, bars: faultBars(record, target) }));
}

function faultBars({ faults, durationMs }: RunRecord, target: string): Bar[] {
  const own = faults.filter(
    ({ targets, status }: FaultRecord) => status === 'injected' && targets.includes(target),
  );
  return own.map(({ id, name, fromMs, toMs, proof }) => ({
    fromMs,
    toMs: toMs ?? durationMs,
    label: `${id} ${name}`,
    kind: proof === null ? 'fault unproven' : 'fault',
    title: `${id} ${name}: ${duration(fromMs)} to ${duration(toMs)}. ${proof ?? 'Not proved.'}`,
  }));
}
