import * as grpc from '@grpc/grpc-js';
import { connectGreeter } from '../support/greeter-client.ts';
import { startGreeter } from '../support/greeter-server.ts';
import { localhostCertificate } from '../unit/health/localhost-certificate.ts';
import { launchPeer, serving } from './child-process.ts';
import type { Peer } from './peers/peer.ts';
import { freePorts } from './ports.ts';

const callsPerReplica = 20;
const sampleCalls = 20;

/**
 * Runs a peer in front of three real gRPC servers and checks, with a real client, that it does the whole of the work: bodies,
 * trailers and statuses pass, calls of one connection are spread, and each call reaches its replica with a `traceparent` that
 * no other has. Rejects with what is wrong.
 */
export async function verifyPeer(peer: Peer, dir: string, collector: number): Promise<void> {
  const replicas = await Promise.all(['a', 'b', 'c'].map((name) => startGreeter({ name })));
  const [listen, admin] = await freePorts(2);
  const launch = peer.prepare(dir, {
    listen,
    admin,
    collector,
    replicas: replicas.map(({ port }) => port),
    cert: '',
    key: '',
  });
  const proxy = launchPeer(launch, null);
  const client = connectGreeter(`127.0.0.1:${listen}`);
  try {
    await serving(launch, listen, proxy, peer.name);
    const traces = new Set<string>();
    const total = replicas.length * callsPerReplica;
    for (let i = 0; i < total; i++) {
      const payload = Buffer.alloc(25 + i * 997, i);
      const trailers = [{ key: 'x-last', text: `t${i}` }];
      const result = await client.unary(
        { payload, options: { echoMetadata: true, trailers } },
        { deadlineMs: 10_000 },
      );
      expectThat(result.code === 0, `call ${i} ended with ${result.code}: ${result.details}`);
      expectThat(result.replies[0]?.payload.equals(payload), `the body of call ${i} came back changed`);
      expectThat(result.trailers.get('x-last')[0] === `t${i}`, `the trailers of call ${i} are missing`);
      traces.add(String(result.metadata.get('echo-traceparent')[0]));
    }
    expectThat(
      traces.size === total && !traces.has('undefined'),
      `${traces.size} traceparents for ${total} calls`,
    );
    const fewest = Math.min(...replicas.map(({ calls }) => calls));
    expectThat(fewest >= 1, 'a replica got no call');
    const failed = await client.unary({ options: { failStatus: 9, failMessage: 'nö: 負荷' } });
    expectThat(
      failed.code === 9 && failed.details === 'nö: 負荷',
      `a status came as ${failed.code} "${failed.details}"`,
    );
  } finally {
    client.close();
    await proxy.stop();
    await Promise.all(replicas.map((replica) => replica.kill()));
  }
}

/** A few calls by a real client against the bench's own replicas: echoed and OK. Rejects with what is wrong. */
export async function sample(port: number, tls: boolean): Promise<void> {
  const credentials = tls
    ? grpc.credentials.createSsl(Buffer.from(localhostCertificate))
    : grpc.credentials.createInsecure();
  const client = new grpc.Client(`127.0.0.1:${port}`, credentials);
  const same = (bytes: Buffer) => bytes;
  try {
    for (let i = 0; i < sampleCalls; i++) {
      const message = Buffer.alloc(25 + i * 4001, i);
      const options = { deadline: Date.now() + 10_000 };
      const reply = await new Promise<Buffer | undefined>((resolve, reject) =>
        client.makeUnaryRequest('/bench.Echo/Unary', same, same, message, options, (error, bytes) =>
          error === null ? resolve(bytes) : reject(error),
        ),
      );
      expectThat(reply?.equals(message), `the sample's body ${i} came back changed`);
    }
  } finally {
    client.close();
  }
}

function expectThat(truth: boolean | undefined, otherwise: string): void {
  if (!truth) throw new Error(otherwise);
}
