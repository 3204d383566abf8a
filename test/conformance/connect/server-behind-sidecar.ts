import { spawn } from 'node:child_process';
import { askForSidecar } from './ask.ts';
import { framed, numberOf, readMessages, withNumber, withText } from './messages.ts';

/**
 * `connectconformance --mode server … -- node server-behind-sidecar.ts SERVER…`: starts the server, and tells the suite the
 * address of a sidecar in front of it. One ServerCompatRequest arrives (http_version is field 2), one ServerCompatResponse leaves
 * (host is field 1, port field 2).
 */
const [program, ...args] = process.argv.slice(2);
const server = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
process.once('exit', () => server.kill('SIGKILL'));
process.once('SIGTERM', () => process.exit(0));
server.once('exit', (code) => process.exit(code ?? 1));

const request = await readMessages(process.stdin).next();
if (request.done === true) process.exit(1);
server.stdin.write(framed(request.value as Buffer));
const response = await readMessages(server.stdout).next();
if (response.done === true) process.exit(1);
const answer = response.value as Buffer;
const port = await askForSidecar(numberOf(answer, 2), numberOf(request.value as Buffer, 2));
process.stdout.write(framed(withText(withNumber(answer, 2, port), 1, '127.0.0.1')));
