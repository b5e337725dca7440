/**
 * The moving part of a report: its charts. Runs inside the one file, from the JSON beside it in the page; everything
 * else of the report is there without it. One file, no imports: it is put into the page as text.
 */
import type uPlot from 'uplot';
import type { RunRecord } from '../report/run-record.ts';

declare global {
  interface Window {
    readonly uPlot: typeof uPlot;
  }
}

interface Line {
  readonly label: string;
  readonly color: string;
  readonly dash?: number[];
  readonly fill?: string;
}

interface Chart {
  readonly id: string;
  readonly unit: string;
  readonly isLog: boolean;
  readonly lines: readonly Line[];
  readonly data: uPlot.AlignedData;
}

interface Band {
  readonly fromS: number;
  readonly toS: number;
}

const HEIGHT_PX = 150;
/** The lanes of the timeline above leave the same room at their left and right. */
const LEFT_PX = 150;
const RIGHT_PX = 20;
const NODE_HUES = [212, 28, 150, 280, 340, 185, 52, 255];

const record = JSON.parse(document.querySelector('#run')?.textContent ?? '{}') as RunRecord;
const secondsOf = (mono: number): number => (mono - record.startedMono) / 1_000;
const endS = record.durationMs / 1_000;
const bands: readonly Band[] = record.faults
  .filter(({ status }) => status === 'injected')
  .map(({ fromMs, toMs }) => ({ fromS: fromMs / 1_000, toS: (toMs ?? record.durationMs) / 1_000 }));

const variable = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const isDark = (): boolean => variable('--is-dark') === '1';

const nodeColor = (index: number): string =>
  `hsl(${NODE_HUES[index % NODE_HUES.length] ?? 0} 70% ${isDark() ? 66 : 42}%)`;

function charts(): Chart[] {
  const { bins } = record.figures;
  const at = bins.map(({ mono }) => secondsOf(mono));
  const binS = Math.max(0.001, (at[1] ?? 1) - (at[0] ?? 0));
  const accent = variable('--accent');
  const soft = variable('--muted');
  const latency = (p50: (number | null)[], p99: (number | null)[]): uPlot.AlignedData => [
    at,
    positive(p50),
    positive(p99),
  ];
  const pair: Line[] = [
    { label: 'p50', color: accent },
    { label: 'p99', color: variable('--warm') },
  ];
  const all: Chart[] = [
    {
      id: 'rate',
      unit: '/s',
      isLog: false,
      lines: [
        { label: 'edits', color: soft, dash: [4, 4] },
        { label: 'acks', color: accent, fill: `${accent}22` },
      ],
      data: [at, bins.map(({ invoked }) => invoked / binS), bins.map(({ acks }) => acks / binS)],
    },
    {
      id: 'ack',
      unit: ' ms',
      isLog: true,
      lines: pair,
      data: latency(
        bins.map(({ ackP50 }) => ackP50),
        bins.map(({ ackP99 }) => ackP99),
      ),
    },
    {
      id: 'visible',
      unit: ' ms',
      isLog: true,
      lines: pair,
      data: latency(
        bins.map(({ visibleP50 }) => visibleP50),
        bins.map(({ visibleP99 }) => visibleP99),
      ),
    },
    perNode('divergence', '', ({ divergentElements }) => divergentElements),
    perNode('memory', ' MB', ({ rssBytes }) =>
      rssBytes === undefined ? null : rssBytes / 2 ** 20,
    ),
    perNode('lag', ' ms', ({ eventLoopLagMs }) => eventLoopLagMs ?? null),
  ];
  return all.filter(({ data }) =>
    data.slice(1).some((ys) => [...(ys ?? [])].some((y) => typeof y === 'number')),
  );
}

/** On a logarithmic axis nothing is less than a tenth of a millisecond. */
function positive(values: readonly (number | null)[]): (number | null)[] {
  return values.map((value) => (value === null ? null : Math.max(0.1, value)));
}

function perNode(
  id: string,
  unit: string,
  valueOf: (sample: RunRecord['samples'][number]) => number | null,
): Chart {
  const times = [...new Set(record.samples.map(({ atMs }) => atMs))].toSorted((a, b) => a - b);
  const position = new Map(times.map((atMs, index) => [atMs, index]));
  const columns = record.topology.nodes.map(({ id: node }) => {
    // undefined: nothing was said at that moment, the line goes on; null: there was no answer, and it breaks.
    const column: (number | null | undefined)[] = times.map(() => undefined);
    for (const sample of record.samples) {
      const index = position.get(sample.atMs);
      if (sample.node === node && index !== undefined) column[index] = valueOf(sample);
    }
    return column;
  });
  return {
    id,
    unit,
    isLog: false,
    lines: record.topology.nodes.map(({ id: label }, index) => ({
      label,
      color: nodeColor(index),
    })),
    data: [times.map((atMs) => atMs / 1_000), ...columns],
  };
}

/** Behind the lines: when something was broken, and when it had to be quiet. */
function shade(plot: uPlot): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  const paint = ({ fromS, toS }: Band, color: string): void => {
    const [left, right] = [plot.valToPos(fromS, 'x', true), plot.valToPos(toS, 'x', true)];
    ctx.fillStyle = color;
    ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
  };
  for (const band of bands) paint(band, variable('--fault-shade'));
  const quiet = record.figures.marks.findLast(({ name }) => name === 'quiet');
  const settled = record.figures.marks.findLast(({ name }) => name === 'settled');
  if (quiet !== undefined) {
    const toS = settled === undefined ? endS : secondsOf(settled.mono);
    paint({ fromS: secondsOf(quiet.mono), toS }, variable('--quiet-shade'));
  }
  ctx.restore();
}

const powerOrNull = (tick: number): number | null => (Math.log10(tick) % 1 === 0 ? tick : null);

function powersAround(min: number | null, max: number | null): [number, number] {
  const [low, high] = [Math.floor(Math.log10(min ?? 1)), Math.ceil(Math.log10(max ?? 10))];
  return [10 ** low, 10 ** Math.max(high, low + 1)];
}

function draw({ id, unit, isLog, lines, data }: Chart): uPlot | null {
  const place = document.querySelector<HTMLElement>(`#chart-${id}`);
  if (place === null) return null;
  const axis = {
    stroke: variable('--muted'),
    font: '11px system-ui, sans-serif',
    grid: { stroke: variable('--line'), width: 1 },
    ticks: { show: false },
  };
  const format = (value: number | null): string =>
    value === null || value === undefined
      ? '–'
      : unit === ' ms' && value >= 1_000
        ? `${Number((value / 1_000).toPrecision(3))} s`
        : `${value >= 100 ? Math.round(value) : Number(value.toPrecision(3))}${unit}`;
  return new window.uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT_PX,
      padding: [10, RIGHT_PX, 0, 0],
      cursor: { sync: { key: 'run' }, points: { size: 6 }, drag: { x: true, y: false } },
      legend: { live: true },
      scales: {
        x: { time: false, range: (_plot, min, max) => (min === null ? [0, endS] : [min, max]) },
        y: isLog
          ? { distr: 3, range: (_plot, min, max) => powersAround(min, max) }
          : { range: (_plot, _min, max) => [0, Math.max(1, (max ?? 1) * 1.08)] },
      },
      axes: [
        { ...axis, size: 28, values: (_plot, ticks) => ticks.map((tick) => `${tick} s`) },
        {
          ...axis,
          size: LEFT_PX,
          grid: {
            ...axis.grid,
            filter: (_plot, ticks) => (isLog ? ticks.map(powerOrNull) : ticks),
          },
          // A logarithmic axis names every power of ten, and no more.
          values: (_plot, ticks) =>
            ticks.map((tick) =>
              tick === null || (isLog && powerOrNull(tick) === null) ? '' : format(tick),
            ),
        },
      ],
      series: [
        { label: 'at', value: (_plot, value) => (value === null ? '–' : `${value.toFixed(1)} s`) },
        ...lines.map(({ label, color, dash, fill }): uPlot.Series => ({
          label,
          stroke: color,
          width: 1.6,
          points: { show: false },
          value: (_plot, value) => format(value),
          ...(dash === undefined ? {} : { dash }),
          ...(fill === undefined ? {} : { fill }),
        })),
      ],
      hooks: { drawClear: [shade] },
    },
    data,
    place,
  );
}

let plots: uPlot[] = [];

function drawAll(): void {
  for (const plot of plots) plot.destroy();
  const all = charts();
  for (const figure of document.querySelectorAll<HTMLElement>('figure[data-chart]')) {
    figure.hidden = !all.some(({ id }) => id === figure.dataset['chart']);
  }
  plots = all.flatMap((chart) => draw(chart) ?? []);
  for (const plot of plots) plot.setScale('x', { min: 0, max: endS });
  document.documentElement.dataset['charts'] = String(plots.length);
}

drawAll();

const resized = new ResizeObserver(() => {
  for (const plot of plots) {
    const width = plot.root.parentElement?.clientWidth ?? plot.width;
    if (width !== plot.width && width > 0) plot.setSize({ width, height: HEIGHT_PX });
  }
});
for (const place of document.querySelectorAll('.chart')) resized.observe(place);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);

document.querySelector('#theme')?.addEventListener('click', () => {
  document.documentElement.dataset['theme'] = isDark() ? 'light' : 'dark';
  drawAll();
});

document.querySelector('#copy')?.addEventListener('click', ({ currentTarget }) => {
  void navigator.clipboard.writeText(record.command).then(() => {
    if (currentTarget instanceof HTMLElement) currentTarget.textContent = 'Copied';
  });
});
