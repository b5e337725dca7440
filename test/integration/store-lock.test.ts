/** A data folder belongs to one process at a time, whatever others do to it. L12 is a row of the list of bad inputs. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LevelStore } from '../../persistence/index.ts';
import { StoreProcess } from '../support/store-process.ts';
import { payload } from '../support/store-writer.ts';
import { UPDATES, fill, open } from '../support/stored-folder.ts';
import { tempDir } from '../support/temp-dir.ts';

describe('one process at a time', () => {
  it('[I1] L12 a second open in this process is refused, also under another path', async () => {
    const folder = await fill('log');
    await open(folder);
    await expect(new LevelStore({ folder }).open()).rejects.toMatchObject({ code: 'locked' });
    const other = join(folder, '..', 'data');
    await expect(new LevelStore({ folder: other }).open()).rejects.toMatchObject({
      code: 'locked',
    });
  });

  it('[I1] L12 a second process is refused and told the pid, also after LOCK was read here', async () => {
    const folder = await fill('log');
    const store = await open(folder);
    // What a careless backup does. It drops the kernel's lock on LOCK.
    readFileSync(join(folder, 'LOCK'));
    const script = `
      import { LevelStore } from ${JSON.stringify(new URL('../../persistence/index.js', import.meta.url).href)};
      await new LevelStore({ folder: ${JSON.stringify(folder)} }).open().then(
        () => console.log('opened'),
        (error) => console.log(error.code + ': ' + error.message),
      );
      process.exit();`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    let output = '';
    child.stdout.on('data', (data: Buffer) => {
      output += data.toString();
    });
    await once(child, 'close');
    expect(output).toContain('locked: ');
    expect(output).toContain(`in use by pid ${process.pid}`);
    await store.load('a');
    await store.append('a', payload('a', UPDATES, 10)).durable;
  });

  it('the folder is free again after close, and after kill -9', async () => {
    const folder = join(tempDir(), 'data');
    const options = { folder, documents: 1, payloadBytes: 10, window: 1 };
    const writer = new StoreProcess(options);
    await writer.until('an ack', () => writer.acks.length > 0);
    await expect(new LevelStore({ folder }).open()).rejects.toMatchObject({ code: 'locked' });
    await writer.kill();
    const store = await open(folder);
    await store.close();
    expect((await open(folder)).status).toBe('open');
  });

  it('[I1] L12 no source of the store names the LOCK file', () => {
    const sources = execFileSync('find', [join(process.cwd(), 'persistence'), '-name', '*.ts'])
      .toString()
      .trim()
      .split('\n');
    expect(sources.length).toBeGreaterThan(10);
    for (const source of sources) {
      expect(readFileSync(source, 'utf8'), basename(source)).not.toMatch(/['"]LOCK['"]/);
    }
  });
});
