import type { DnsOrder } from './dns-process.ts';
import { startDnsServer } from './dns-server.ts';

/** The DNS server as a process of its own: does what its parent orders, and tells of each question. */
const server = await startDnsServer((question) => process.send?.({ question }));
process.on('message', (order: DnsOrder) => {
  if (order.kind === 'set') server.set(order.name, order.addresses, order.ttlSec);
  else if (order.kind === 'setService') server.setService(order.name, order.services, order.ttlSec);
  else if (order.kind === 'remove') server.remove(order.name);
  else server.mode = order.mode;
});
process.on('disconnect', () => process.exit(0));
process.send?.({ address: server.address });
