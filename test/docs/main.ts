/** `npm run docs`: writes the generated tables into docs/, and the configuration of HAProxy that is shipped. */
import { writeFileSync } from 'node:fs';
import { EXAMPLE, haproxyConfig } from '../../chaos/haproxy-config.ts';
import { HAPROXY_FILE, generatedTables, pathOf, withTable } from './tables.ts';

for (const generated of generatedTables()) {
  writeFileSync(pathOf(generated), withTable(generated));
  process.stdout.write(`${generated.file}\n`);
}

writeFileSync(HAPROXY_FILE, haproxyConfig(EXAMPLE));
process.stdout.write('deploy/haproxy.cfg\n');
