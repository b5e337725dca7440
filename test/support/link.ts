/** A link to a port on loopback that a test may break: the chaos suite's, on which nothing is left to chance. */
import { LinkProxy } from '../../chaos/proxies/link-proxy.ts';

export async function linkTo(port: number): Promise<LinkProxy> {
  return await LinkProxy.start({ name: `→ ${port}`, port, random: () => 0 });
}
