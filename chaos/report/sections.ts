/** The parts of a report that stand still: what was claimed, what was found, what was broken. */
import type { Evidence, Verdict } from '../checker/verdict.ts';
import { html, type Html } from './html.ts';
import { duration, lostAcks, share, spaced, tally, thousands } from './phrases.ts';
import type { RunRecord } from './run-record.ts';

export function header(record: RunRecord): Html {
  const { scenario, seed, command, machine, startedAt, topology, editors, documents } = record;
  const { passed, failed, skipped } = tally(record.verdicts);
  const unproven = record.faults.filter(
    ({ status, proof }) => status === 'injected' && proof === null,
  ).length;
  const [state, words] =
    failed > 0
      ? ['failed', failed === 1 ? 'A promise was broken' : `${failed} promises were broken`]
      : unproven > 0
        ? ['skipped', 'Void: a fault was not proved']
        : passed === 0
          ? ['skipped', 'Nothing could be checked']
          : ['passed', skipped > 0 ? 'What was checked held' : 'Every promise held'];
  return html`<header>
      <div>
        <p class="eyebrow">Syncline · chaos run</p>
        <h1>${scenario}${record.title !== undefined && html`<span>${record.title}</span>`}</h1>
        <p class="facts">
          ${startedAt.replace('T', ' ').slice(0, 19)} UTC · ${duration(record.durationMs)} ·
          ${topology.regions.length} regions, ${topology.nodes.length} nodes, ${editors} editors,
          ${documents} documents
        </p>
        <p class="facts">
          ${machine.cpus} × ${machine.cpuModel}, ${Math.round(machine.memoryBytes / 2 ** 30)} GB ·
          ${machine.os} · Node ${machine.node}
        </p>
      </div>
      <div class="verdict-box ${state}">
        <strong>${words}</strong>
        <span>${passed} passed · ${failed} failed · ${skipped} skipped</span>
      </div>
    </header>
    <div class="replay">
      <span>Seed <b>${seed}</b>. Replay with</span>
      <code>${command}</code>
      <button id="copy" type="button">Copy</button>
      <button id="theme" type="button" aria-label="Light or dark">◐</button>
    </div>`;
}

export function tiles({ figures, verdicts, faults }: RunRecord): Html {
  const skipped = faults.filter(({ status }) => status === 'skipped').length;
  const lost = lostAcks(verdicts);
  const { ackLatency, ackToVisible } = figures;
  const level = ackLatency['local'] === undefined ? 'replicated' : 'local';
  const ack = ackLatency[level];
  const all: readonly [string, string, string, string?][] = [
    [
      'Acked edits lost',
      lost === null ? '–' : thousands(lost),
      `of ${thousands(figures.acksChecked)} acked`,
      lost === null ? '' : lost > 0 ? 'failed' : 'passed',
    ],
    [
      'Crashes',
      thousands(figures.crashes),
      figures.lossRateMax === null
        ? 'none in this run'
        : figures.lossRateMax >= 1
          ? 'too few to bound a rate of loss'
          : `loss per crash < ${share(figures.lossRateMax)} (95 %)`,
    ],
    [
      'Faults proven',
      thousands(figures.faultsProven),
      skipped === 0 ? 'none skipped' : `${skipped} skipped`,
    ],
    ['Edit → ack', duration(ack?.p50), `p50 · p99 ${duration(ack?.p99)} · ${level}`],
    [
      'Ack → seen everywhere',
      duration(ackToVisible?.p50),
      `p50 · p99 ${duration(ackToVisible?.p99)}`,
    ],
    [
      'Equal after the heal',
      duration(figures.convergeMs),
      figures.convergeMs === null ? 'not seen' : 'the slowest document',
    ],
  ];
  return html`<div class="tiles">
    ${all.map(
      ([label, value, below, state = '']) =>
        html`<div class="tile ${state}">
          <span>${label}</span><strong>${value}</strong><small>${below}</small>
        </div>`,
    )}
  </div>`;
}

export function verdictTable(record: RunRecord): Html {
  return html`<div class="verdicts">
    ${record.verdicts.map((verdict) => verdictRow(verdict, record.startedMono))}
  </div>`;
}

function verdictRow(verdict: Verdict, startedMono: number): Html {
  const { id, name, status, reason, counts, evidence, violations, notes = [] } = verdict;
  const looked = Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${thousands(count)} ${spaced(what)}`)
    .join(' · ');
  const head = html`<span class="mark ${status}">${status}</span><b>${id}</b>
    <span class="name">${name}</span><span class="looked">${reason ?? looked}</span>`;
  if (evidence.length === 0 && notes.length === 0) {
    return html`<div class="verdict ${status}" data-id="${id}">
      <div class="head">${head}</div>
    </div>`;
  }
  return html`<details
    class="verdict ${status}"
    data-id="${id}"
    ${status === 'failed' ? 'open' : ''}
  >
    <summary class="head">${head}</summary>
    ${notes.map((note) => html`<p class="note">${note}</p>`)}
    ${
      evidence.length > 0 &&
      html`<table>
        <thead>
          <tr>
            <th>At</th>
            <th>What</th>
            <th>Operation</th>
            <th>Document</th>
            <th>Node</th>
            <th>Level</th>
            <th>Nearest fault</th>
          </tr>
        </thead>
        <tbody>
          ${evidence.map((each) => evidenceRow(each, startedMono))}
        </tbody>
      </table>`
    }
    ${violations > evidence.length && html`<p class="note">and ${thousands(violations - evidence.length)} more</p>`}
  </details>`;
}

function evidenceRow(evidence: Evidence, startedMono: number): Html {
  const { text, op, doc, node, level, mono, nearestFault } = evidence;
  const fault =
    nearestFault === undefined
      ? '–'
      : `${nearestFault.id} ${nearestFault.name}, ${nearestFault.distanceMs === 0 ? 'during it' : `${duration(nearestFault.distanceMs)} away`}`;
  return html`<tr>
    <td class="number">
      ${mono === undefined ? '–' : `${((mono - startedMono) / 1_000).toFixed(2)} s`}
    </td>
    <td>${text}</td>
    <td><code>${op ?? '–'}</code></td>
    <td>${doc ?? '–'}</td>
    <td>${node ?? '–'}</td>
    <td>${level ?? '–'}</td>
    <td>${fault}</td>
  </tr>`;
}

export function faultTable({ faults }: RunRecord): Html {
  if (faults.length === 0) return html`<p class="note">Nothing was broken: a control run.</p>`;
  return html`<table class="faults">
    <thead>
      <tr>
        <th></th>
        <th>Fault</th>
        <th>Where</th>
        <th>From</th>
        <th>To</th>
        <th>How we know, or why not</th>
      </tr>
    </thead>
    <tbody>
      ${faults.map((fault) => {
        const isProved = fault.proof !== null;
        const word = fault.status === 'skipped' ? 'skipped' : isProved ? 'proved' : 'not proved';
        const mark = fault.status === 'skipped' ? 'skipped' : isProved ? 'passed' : 'failed';
        return html`<tr>
          <td><span class="mark ${mark}">${word}</span></td>
          <td><b>${fault.id}</b> ${fault.name}</td>
          <td>${fault.targets.join(', ')}</td>
          <td class="number">${fault.status === 'skipped' ? '–' : duration(fault.fromMs)}</td>
          <td class="number">${fault.status === 'skipped' ? '–' : duration(fault.toMs)}</td>
          <td>
            ${fault.status === 'skipped' ? (fault.reason ?? 'no reason given') : (fault.proof ?? 'no proof: the run is void')}
          </td>
        </tr>`;
      })}
    </tbody>
  </table>`;
}
