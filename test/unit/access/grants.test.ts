import { describe, expect, it } from 'vitest';
import { GRANTS_MAX, Grants, parseGrants } from '../../../server/access/grants.ts';

const granted = (match: string): Grants => new Grants([{ match, access: 'read' }]);

describe('grants', () => {
  it.each([
    ['team/notes', 'team/notes', true],
    ['team/notes', 'team/notes2', false],
    ['team/notes', 'team', false],
    ['*', 'anything/at/all', true],
    ['**', 'anything', true],
    ['team/*', 'team/a', true],
    ['team/*', 'team/a/b/c', true],
    ['team/*', 'team', false],
    ['team/*', 'teams/a', false],
    ['team/*', 'other/team/a', false],
    ['*/notes', 'team/notes', true],
    ['*/notes', 'notes', false],
    ['*notes', 'notes', true],
    ['team-*/notes', 'team-a/b/notes', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'aXbXc', true],
    ['a*b*c', 'acb', false],
    ['a*bc*c', 'abc', false],
    ['a*bc*c', 'abcc', true],
    ['*a*a*', 'a', false],
    ['t.am', 'team', false],
    ['te?m', 'team', false],
    ['[team]', 't', false],
    ['TEAM/*', 'team/a', false],
  ])('%s on %s: %s', (match, name, isGranted) => {
    expect(granted(match).accessTo(name)).toBe(isGranted ? 'read' : 'none');
  });

  it('the highest of several that match counts, in any order', () => {
    const list = [
      { match: 'team/*', access: 'read' },
      { match: 'team/notes', access: 'write' },
      { match: '*', access: 'read' },
    ] as const;
    expect(new Grants(list).accessTo('team/notes')).toBe('write');
    expect(new Grants(list.toReversed()).accessTo('team/notes')).toBe('write');
    expect(new Grants(list).accessTo('other')).toBe('read');
  });

  it('only stars alone are the whole node', () => {
    expect(new Grants([{ match: '*', access: 'admin' }]).accessToAll()).toBe('admin');
    expect(new Grants([{ match: 'a*', access: 'admin' }]).accessToAll()).toBe('none');
    expect(new Grants([{ match: 'team/*', access: 'admin' }]).accessToAll()).toBe('none');
  });

  it('a pattern made to backtrack costs nothing', () => {
    const pattern = granted(`${'a*'.repeat(99)}b`);
    const startedMs = performance.now();
    for (let round = 0; round < 100; round += 1) pattern.accessTo('a'.repeat(200));
    expect(performance.now() - startedMs).toBeLessThan(200);
  });

  it.each([
    ['null', null],
    ['a string', '*'],
    ['an entry that is no object', ['*']],
    ['an entry without access', [{ match: '*' }]],
    ['an empty match', [{ match: '', access: 'read' }]],
    ['a match of 201 characters', [{ match: 'x'.repeat(201), access: 'read' }]],
    ['access none', [{ match: '*', access: 'none' }]],
    [
      'an entry too many',
      Array.from({ length: GRANTS_MAX + 1 }, () => ({ match: '*', access: 'read' })),
    ],
    ['a member that is not known', [{ match: '*', access: 'read', until: 1 }]],
  ])('%s is not understood', (_name, claim) => {
    expect(parseGrants(claim)).toBe(null);
  });

  it('J17 an array of 10^6 is refused without being looked at', () => {
    const looked: unknown[] = [];
    const claim = new Proxy(Array.from({ length: 1_000_000 }), {
      get: (target, key, receiver): unknown => {
        looked.push(key);
        return Reflect.get(target, key, receiver);
      },
    });
    expect(parseGrants(claim)).toBe(null);
    expect(looked).toEqual(['length']);
  });

  it('no claim grants nothing', () => {
    expect(parseGrants(undefined)?.accessTo('a')).toBe('none');
  });
});
