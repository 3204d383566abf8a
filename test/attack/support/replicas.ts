import { startGreeter } from '../../support/greeter-server.ts';

/** Two honest gRPC replicas in a process of their own. Prints their addresses as a JSON array; ends with its parent. */
const replicas = await Promise.all([startGreeter({ name: 'a' }), startGreeter({ name: 'b' })]);
process.stdout.write(`${JSON.stringify(replicas.map(({ address }) => address))}\n`);
process.stdin.resume().on('end', () => process.exit(0));
