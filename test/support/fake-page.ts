import { startAdmin } from '../../src/admin/server.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Logger } from '../../src/core/logger.ts';
import { FakeProxy } from './fake-admin.ts';
import { eventfulClusters, manyClusters } from './fake-clusters.ts';

/** `node test/support/fake-page.ts [PORT] [ENDPOINTS]`: the page with made-up figures, for working on it. */
const log: Logger = { debug() {}, info: console.log, warn: console.warn, error: console.error };
const endpoints = Number(process.argv[3] ?? 0);
const proxy = new FakeProxy(endpoints > 0 ? manyClusters(endpoints) : eventfulClusters, systemClock);
for (let i = 0; i < 30; i++) proxy.step();
setInterval(() => proxy.step(), 1_000);
const port = Number(process.argv[2] ?? 15_000);
const { address } = await startAdmin({
  address: { kind: 'tcp', host: '127.0.0.1', port },
  deps: proxy,
  logger: log,
});
if (address.kind === 'tcp') console.log(`http://127.0.0.1:${address.port}/`);
