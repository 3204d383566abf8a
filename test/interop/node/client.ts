import { runCase } from './cases.ts';

/**
 * The interop client on grpc-js: `node client.ts PORT CONCURRENT CASE...`. Says `RESULT <tab> case <tab> ok` or
 * `RESULT <tab> case <tab> failed <tab> why` for each, in order.
 */
const [port, concurrent, ...names] = process.argv.slice(2);
for (const name of names) {
  const verdict = await runCase(name, `127.0.0.1:${port}`, Number(concurrent)).then(
    () => 'ok',
    (error: Error) => `failed\t${error.message.replaceAll(/\s+/g, ' ')}`,
  );
  process.stdout.write(`RESULT\t${name}\t${verdict}\n`);
}
process.exit(0);
