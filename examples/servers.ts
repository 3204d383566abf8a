// Starts the servers that the examples send requests to, on the ports that the examples name, and writes the certificates of
// the TLS examples. Run it with `npm run -s servers`; Ctrl-C ends it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import {
  startExampleDns,
  startExampleEcho,
  startExampleTls,
  startExampleWeb,
  writeExampleCertificates,
} from '../test/support/example-servers.ts';
import { startGreeter } from '../test/support/greeter-server.ts';

const folder = process.env.CERTS ?? '.cache/certs';
/** How long the failing greeter fails and succeeds in turn, milliseconds. */
const failureMs = 100;

async function startGreeters(): Promise<void> {
  for (const port of [50051, 50052, 50053])
    await startGreeter({ name: `greeter on ${port}`, port, watch: true });
  const failing = await startGreeter({ name: 'greeter on 50054, fails half of the time', port: 50054 });
  setInterval(() => {
    const failure = { code: status.UNAVAILABLE, details: 'this example fails half of the time' };
    failing.failure = failing.failure === null ? failure : null;
  }, failureMs);
  await startGreeter({ name: 'greeter on 50055, slow', port: 50055, delayMs: 300 });
}

async function startTls(): Promise<void> {
  writeExampleCertificates(folder);
  const [cert, key, ca] = ['server.pem', 'server.key', 'ca.pem'].map((name) =>
    readFileSync(join(folder, name)),
  );
  const { port } = await startGreeter({ name: 'greeter behind TLS' });
  await startExampleTls(port, { certs: { cert, key, ca }, requiresClientCert: false, port: 50061 });
  await startExampleTls(port, { certs: { cert, key, ca }, requiresClientCert: true, port: 50062 });
}

await startGreeters();
await startTls();
for (const port of [8080, 8081]) await startExampleWeb(`web server on ${port}`, port);
for (const port of [9001, 9002]) await startExampleEcho(port);
for (const port of [9053, 9054]) await startExampleDns(`DNS server on ${port}`, port);

process.stdout.write(`gRPC       127.0.0.1:50051, 50052 and 50053; 50054 fails half of the time; 50055 takes 300 ms
gRPC, TLS  127.0.0.1:50061; 50062 requires a client certificate; certificates in ${folder}
HTTP/1.1   127.0.0.1:8080 and 8081, WebSocket echo included
TCP echo   127.0.0.1:9001 and 9002
DNS        127.0.0.1:9053 and 9054, over UDP and TCP
Ctrl-C ends them.
`);
