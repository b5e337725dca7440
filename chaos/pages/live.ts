/**
 * The live view's page: draws regions, nodes and links once, then follows what the run says. A click on a link cuts it, another
 * heals it. One file, no imports: it is put into the page as text.
 */
import type { LiveLink, LiveNode, LiveState } from '../live/live-feed.ts';
import type { Topology, TopologyLink } from '../report/run-record.ts';

interface Point {
  readonly x: number;
  readonly y: number;
}

const SVG = 'http://www.w3.org/2000/svg';
/** The scene's own units; it is scaled to the page. */
const NODE_STEP = 168;
const REGION_PAD = 34;
const REGION_GAP = 60;
const TOP = 46;
const EDITORS_Y = TOP + 44;
const NODE_Y = TOP + 190;
const REDIS_Y = TOP + 380;
const REGION_HEIGHT = 432;
const NODE_R = 36;
const DOTS_MAX = 12;
const HISTORY_MS = 120_000;
const HISTORY_MS_MIN = 20_000;
const HUES = [212, 28, 150, 280, 340, 185, 52, 255];
const WAYS = { both: '', 'a-to-b': 'outgoing', 'b-to-a': 'incoming' } as const;

const topology = JSON.parse(element('topology').textContent ?? '{}') as Topology;
const scene = element('scene');
const places = new Map<string, Point>();
const past: { readonly atMs: number; readonly behind: ReadonlyMap<string, number> }[] = [];
let latest: LiveState | null = null;

function element(id: string): Element {
  const found = document.querySelector(`#${id}`);
  if (found === null) throw new Error(`no element ${id}`);
  return found;
}

function drawn(
  parent: Element,
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  text: string = '',
): Element {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.textContent = text;
  parent.append(made);
  return made;
}

function layOut(): void {
  let x = 30;
  const boxes: { readonly region: string; readonly x: number; readonly width: number }[] = [];
  for (const region of topology.regions) {
    const nodes = topology.nodes.filter((node) => node.region === region);
    const width = Math.max(1, nodes.length) * NODE_STEP + REGION_PAD * 2;
    boxes.push({ region, x, width });
    for (const [index, { id }] of nodes.entries()) {
      places.set(id, { x: x + REGION_PAD + NODE_STEP * (index + 0.5), y: NODE_Y });
    }
    const redises = topology.redises.filter((redis) => redis.region === region);
    for (const [index, { id }] of redises.entries()) {
      places.set(id, { x: x + (width * (index + 1)) / (redises.length + 1), y: REDIS_Y });
    }
    x += width + REGION_GAP;
  }
  scene.setAttribute('viewBox', `0 0 ${x - REGION_GAP + 30} ${TOP + REGION_HEIGHT + 30}`);
  for (const box of boxes) {
    const group = drawn(scene, 'g', { class: 'region' });
    const frame = { x: box.x, y: TOP - 20, width: box.width, height: REGION_HEIGHT + 26, rx: 20 };
    drawn(group, 'rect', frame);
    drawn(group, 'text', { x: box.x + 20, y: TOP + 8 }, box.region);
  }
}

function ends(link: TopologyLink): readonly [Point, Point] | null {
  const to = places.get(link.to);
  // Editors have no place of their own: they sit above their node.
  const from =
    places.get(link.from) ?? (to === undefined ? undefined : { x: to.x, y: EDITORS_Y + 22 });
  return from === undefined || to === undefined ? null : [from, to];
}

/** Where to hit a link: near its node, before it crosses others. */
function onCurve(from: Point, control: Point, to: Point, t: number): Point {
  const along = (a: number, b: number, c: number): number =>
    (1 - t) ** 2 * a + 2 * (1 - t) * t * b + t ** 2 * c;
  return { x: along(from.x, control.x, to.x), y: along(from.y, control.y, to.y) };
}

function drawLink(link: TopologyLink): void {
  const both = ends(link);
  if (both === null) return;
  const [from, to] = both;
  const isFar = Math.abs(from.x - to.x) > NODE_STEP * 1.2;
  // Far ones bend below the near ones, so that each can be hit.
  const bend = isFar ? 90 : 0;
  const control = { x: (from.x + to.x) / 2, y: (from.y + to.y) / 2 + bend };
  const path = `M${from.x} ${from.y} Q${control.x} ${control.y} ${to.x} ${to.y}`;
  const handle = onCurve(from, control, to, link.kind === 'client' ? 0.3 : 0.27);
  const group = drawn(scene, 'g', {
    class: 'link',
    tabindex: 0,
    role: 'button',
    'data-link': link.id,
  });
  drawn(group, 'path', { class: 'wire', d: path });
  drawn(group, 'path', { class: 'flow', d: path });
  drawn(group, 'path', { class: 'touch', d: path });
  drawn(group, 'circle', { class: 'handle', cx: handle.x, cy: handle.y, r: 6 });
  drawn(group, 'text', { class: 'way', x: handle.x, y: handle.y - 14 });
  drawn(group, 'title', {}, link.id);
  group.addEventListener('click', () => void turn(link.id));
  group.addEventListener('keydown', (event) => {
    const key = event instanceof KeyboardEvent ? event.key : '';
    if (key !== 'Enter' && key !== ' ') return;
    event.preventDefault();
    void turn(link.id);
  });
}

function drawNode(id: string): void {
  const place = places.get(id);
  if (place === undefined) return;
  const { x, y } = place;
  const group = drawn(scene, 'g', { class: 'node', 'data-node': id });
  drawn(group, 'circle', { class: 'halo', cx: x, cy: y, r: NODE_R + 8 });
  drawn(group, 'circle', { class: 'body', cx: x, cy: y, r: NODE_R });
  drawn(group, 'text', { x, y: y + 1 }, id);
  drawn(group, 'text', { class: 'state', x, y: y + 16 });
  drawn(scene, 'g', { class: 'editors', 'data-editors': id });
}

function drawRedis(id: string): void {
  const place = places.get(id);
  if (place === undefined) return;
  const group = drawn(scene, 'g', { class: 'redis' });
  const box = { x: place.x - 62, y: place.y - 18, width: 124, height: 36, rx: 18 };
  drawn(group, 'rect', box);
  drawn(group, 'text', { x: place.x, y: place.y + 4 }, id);
}

/** Cuts what is up, heals what is not. */
async function turn(id: string): Promise<void> {
  const state = latest?.links.find((link) => link.id === id)?.state ?? 'up';
  const select = element('direction');
  const direction = select instanceof HTMLSelectElement ? select.value : 'both';
  const response = await fetch(state === 'up' ? '/cut' : '/heal', {
    method: 'POST',
    body: JSON.stringify({ link: id, direction }),
  });
  element('trouble').textContent = response.ok ? '' : await response.text();
}

function showLink({ id, state, cut, detail, bytesPerSecond }: LiveLink): void {
  const group = scene.querySelector(`[data-link="${CSS.escape(id)}"]`);
  if (group === null) return;
  group.setAttribute('class', `link ${state}${(bytesPerSecond ?? 0) > 0 ? ' busy' : ''}`);
  group.setAttribute('aria-label', `${id}: ${state}. ${state === 'up' ? 'Cut' : 'Heal'} it`);
  const words = [id, state, cut === null ? '' : WAYS[cut], detail ?? ''].filter(Boolean);
  const title = group.querySelector('title');
  if (title !== null) title.textContent = words.join(' · ');
  const way = group.querySelector('.way');
  if (way !== null) way.textContent = cut === null ? '' : WAYS[cut];
}

function showNode(node: LiveNode): void {
  const group = scene.querySelector(`[data-node="${CSS.escape(node.id)}"]`);
  const behind = node.divergentElements ?? 0;
  const isDown = node.state !== 'up';
  group?.setAttribute('class', `node${isDown ? ' down' : behind > 0 ? ' behind' : ''}`);
  const label = group?.querySelector('.state');
  if (label instanceof Element) {
    label.textContent = isDown ? node.state : behind > 0 ? `${behind} apart` : 'in step';
  }
  const halo = group?.querySelector('.halo');
  halo?.setAttribute('r', String(NODE_R + 8 + Math.min(26, Math.sqrt(behind) * 3)));
  showEditors(node.id, node.editors);
}

function showEditors(id: string, count: number): void {
  const group = scene.querySelector(`[data-editors="${CSS.escape(id)}"]`);
  const place = places.get(id);
  if (group === null || place === undefined || group.getAttribute('data-count') === String(count)) {
    return;
  }
  group.setAttribute('data-count', String(count));
  group.replaceChildren();
  const dots = Math.min(count, DOTS_MAX);
  for (let dot = 0; dot < dots; dot += 1) {
    const x = place.x + (dot - (dots - 1) / 2) * 11;
    drawn(group, 'circle', { cx: x, cy: EDITORS_Y + 14, r: 4 });
  }
  const words = count === 1 ? '1 editor' : `${count} editors`;
  drawn(group, 'text', { x: place.x, y: EDITORS_Y }, words);
}

function showAgreement({ nodes }: LiveState): void {
  const apart = nodes.filter(({ divergentElements }) => (divergentElements ?? 0) > 0);
  const down = nodes.filter(({ state }) => state !== 'up').length;
  const box = element('agreement');
  box.className = apart.length > 0 ? 'apart' : '';
  const elements = apart.reduce((sum, { divergentElements }) => sum + (divergentElements ?? 0), 0);
  const small = document.createElement('small');
  small.textContent =
    apart.length > 0
      ? `${elements} elements apart on ${apart.map(({ id }) => id).join(', ')}`
      : `${nodes.length - down} of ${nodes.length} nodes answer`;
  box.replaceChildren(apart.length > 0 ? 'Copies differ' : 'All copies agree', small);
}

function showHistory({ elapsedMs, nodes }: LiveState): void {
  const behind = new Map(nodes.map(({ id, divergentElements }) => [id, divergentElements ?? 0]));
  past.push({ atMs: elapsedMs, behind });
  while ((past[0]?.atMs ?? elapsedMs) < elapsedMs - HISTORY_MS) past.shift();
  const most = Math.max(5, ...past.flatMap((moment) => [...moment.behind.values()]));
  const spanMs = Math.min(HISTORY_MS, Math.max(HISTORY_MS_MIN, elapsedMs));
  const chart = element('history');
  chart.setAttribute('viewBox', '0 0 270 84');
  chart.setAttribute('preserveAspectRatio', 'none');
  chart.replaceChildren();
  for (const [index, { id }] of topology.nodes.entries()) {
    const points = past.map((moment) => {
      const x = 270 * (1 - (elapsedMs - moment.atMs) / spanMs);
      return `${x.toFixed(1)},${(82 - (78 * (moment.behind.get(id) ?? 0)) / most).toFixed(1)}`;
    });
    const stroke = `hsl(${HUES[index % HUES.length] ?? 0} 70% 52%)`;
    drawn(chart, 'polyline', { class: 'line', points: points.join(' '), stroke });
  }
}

function milliseconds(value: number | null): string {
  return value === null ? '–' : `${Math.round(value)} ms`;
}

function showCounters(state: LiveState): void {
  const rows: [string, string][] = [
    ['Edits', state.ops.toLocaleString('en-US')],
    ['Acked', state.acked.toLocaleString('en-US')],
    ['Waiting for an ack', state.unacked.toLocaleString('en-US')],
    ['Ack, p50', milliseconds(state.ackP50Ms)],
    ['Ack, p99', milliseconds(state.ackP99Ms)],
  ];
  element('counters').replaceChildren(
    ...rows.flatMap(([label, value]) => [filled('dt', label), filled('dd', value)]),
  );
}

function filled(name: string, text: string): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function showBroken({ faults, links }: LiveState): void {
  const words = [
    ...faults.map(({ name, target }) => `${name}: ${target}`),
    ...links
      .filter(({ state }) => state === 'cut')
      .map(({ id, cut }) => `${id} cut${cut === null || cut === 'both' ? '' : `, ${WAYS[cut]}`}`),
  ];
  const items = words.map((word) => filled('li', word));
  if (items.length === 0) {
    const none = filled('li', 'Nothing');
    none.className = 'none';
    items.push(none);
  }
  element('broken').replaceChildren(...items);
}

function show(state: LiveState): void {
  latest = state;
  element('scenario').textContent = state.scenario;
  const phase = element('phase');
  const seconds = Math.floor(state.elapsedMs / 1_000);
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  phase.replaceChildren(filled('b', state.phase), clock);
  for (const link of state.links) showLink(link);
  for (const node of state.nodes) showNode(node);
  showAgreement(state);
  showHistory(state);
  showCounters(state);
  showBroken(state);
  document.documentElement.dataset['shown'] = 'yes';
}

layOut();
for (const link of topology.links) drawLink(link);
for (const { id } of topology.nodes) drawNode(id);
for (const { id } of topology.redises) drawRedis(id);

const events = new EventSource('/events');
events.addEventListener('message', ({ data }) => show(JSON.parse(String(data)) as LiveState));
events.addEventListener('error', () => {
  element('phase').replaceChildren(filled('b', 'over'), 'the run does not answer any more');
});
