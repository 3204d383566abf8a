import { startGreeter } from '../../support/greeter-server.ts';

/** Honest gRPC replicas, named by the arguments. Prints their addresses as a JSON array; ends with its parent. */
const replicas = await Promise.all(process.argv.slice(2).map((name) => startGreeter({ name })));
process.stdout.write(`${JSON.stringify(replicas.map(({ address }) => address))}\n`);
process.stdin.resume().on('end', () => process.exit(0));
