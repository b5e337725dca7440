import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mountObstacle, SmallDisk } from '../../../chaos/faults/small-disk.ts';
import { Guard } from '../../../chaos/guard.ts';
import { hostObstacle, NamespaceHost } from '../../../chaos/stage/host.ts';
import { waitUntil } from '../../support/wait-until.ts';

function addresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all = []) =>
    all.map(({ address }) => address),
  );
}

describe('the guard', () => {
  it.skipIf(mountObstacle() !== null)(
    'leaves no folder behind, and no file system that was mounted in it',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'syncline-guard-'));
      const dir = join(folder, 'node-1');
      const guard = new Guard();
      guard.watchFolder(folder);
      mkdirSync(dir);
      SmallDisk.mount(dir);
      writeFileSync(join(dir, 'data'), 'of a node that nobody has stopped');

      await guard.end();

      expect(existsSync(folder)).toBe(false);
      expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(folder);
    },
  );

  it.skipIf(hostObstacle() !== null)('leaves no network namespace behind', async () => {
    const guard = new Guard();
    const host = NamespaceHost.create(guard);
    await waitUntil('its cable is there', () => addresses().includes(host.outside));

    await guard.end();

    // The kernel takes its interfaces away a moment later.
    await waitUntil('its cable is gone', () => !addresses().includes(host.outside));
  });
});
