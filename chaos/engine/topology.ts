/** The stage as the report and the live view draw it. */
import type { Topology } from '../report/run-record.ts';
import type { Stage } from '../stage/stage.ts';

export function topologyOf(stage: Stage): Topology {
  return {
    regions: stage.regions.map(({ name }) => name),
    nodes: stage.seats.map(({ id, region }) => ({ id, region })),
    redises: stage.regions.map(({ name, redis }) => ({ id: redis.name, region: name })),
    links: stage.seats.flatMap(({ id, clientLink, busLinks }) => [
      { id: clientLink.name, from: 'editors', to: id, kind: 'client' as const },
      ...busLinks.map(({ link, region }) => ({
        id: link.name,
        from: id,
        to: `${region}-redis`,
        kind: 'redis' as const,
      })),
    ]),
  };
}
