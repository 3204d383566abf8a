import { spawn } from 'node:child_process';
import { askForSidecar } from './ask.ts';
import { framed, numberOf, readMessages, withNumber } from './messages.ts';

/**
 * `connectconformance --mode client … -- node client-behind-sidecar.ts CLIENT…`: sends the client's calls through a sidecar in front
 * of each server that the suite starts. ClientCompatRequests arrive (http_version is field 2, port field 7); they reach the client
 * with the port of the sidecar.
 */
const [program, ...args] = process.argv.slice(2);
const client = spawn(program, args, { stdio: ['pipe', 'inherit', 'inherit'] });
process.once('exit', () => client.kill('SIGKILL'));
process.once('SIGTERM', () => process.exit(0));
client.once('exit', (code) => process.exit(code ?? 1));

const portField = 7;
const listeners = new Map<number, Promise<number>>();
for await (const request of readMessages(process.stdin)) {
  const serverPort = numberOf(request, portField);
  let listener = listeners.get(serverPort);
  if (listener === undefined) {
    listener = askForSidecar(serverPort, numberOf(request, 2));
    listeners.set(serverPort, listener);
  }
  client.stdin.write(framed(withNumber(request, portField, await listener)));
}
client.stdin.end();
