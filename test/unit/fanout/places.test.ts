import { describe, expect, it } from 'vitest';
import { placesOf, problemsOfPlaces, type PlaceSettings } from '../../../server/fanout/places.ts';

const ALONE: PlaceSettings = {
  nodeId: 'n1',
  region: 'eu',
  redisUrl: null,
  regions: [],
  busSecret: null,
};
const OWN: PlaceSettings = { ...ALONE, redisUrl: 'redis://eu:1' };

describe('places', () => {
  it('there is none without REDIS_URL', () => {
    expect(placesOf(ALONE)).toBeNull();
  });

  it('the own region is first, a list is a cluster, and an item without a name belongs to the one before', () => {
    const settings = {
      ...OWN,
      redisUrl: 'redis://eu:1, redis://eu:2',
      regions: ['us=redis://us:1', 'redis://us:2', 'ap=rediss://u:p%3D@ap:1'],
    };
    expect(placesOf(settings)).toEqual([
      { region: 'eu', urls: ['redis://eu:1', 'redis://eu:2'] },
      { region: 'us', urls: ['redis://us:1', 'redis://us:2'] },
      { region: 'ap', urls: ['rediss://u:p%3D@ap:1'] },
    ]);
    expect(problemsOfPlaces(settings)).toEqual([]);
  });

  it.each<[string, Partial<PlaceSettings>, string]>([
    ['a node id with a space', { nodeId: 'a b' }, 'NODE_ID'],
    ['an empty region', { region: '' }, 'REGION'],
    ['an address that is none', { redisUrl: 'http://eu' }, 'REDIS_URL'],
    ['one of several that is none', { redisUrl: 'redis://eu,nonsense' }, 'REDIS_URL'],
    ['regions without an own Redis', { redisUrl: null, regions: ['us=redis://us'] }, 'REDIS_URL'],
    ['a region without a name', { regions: ['redis://us'] }, 'REGIONS'],
    ['a region with a bad name', { regions: ['u s=redis://us'] }, 'REGIONS'],
    ['a region twice', { regions: ['us=redis://a', 'us=redis://b'] }, 'us'],
    ['a short secret', { busSecret: 'short' }, 'BUS_SECRET'],
  ])('%s is told', (_what, changes, word) => {
    const problems = problemsOfPlaces({ ...OWN, ...changes });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(word);
  });

  it('no problem shows a password', () => {
    const problems = problemsOfPlaces({
      ...OWN,
      redisUrl: 'redis://:hunter2@',
      regions: ['us=http://:hunter2@us'],
    });
    expect(problems).toHaveLength(2);
    expect(problems.join()).not.toContain('hunter2');
  });
});
