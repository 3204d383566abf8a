import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { healthService } from '../../support/protos.ts';

const bench = (file: string) => fileURLToPath(new URL(`../../bench/${file}`, import.meta.url));
const run = promisify(execFile);
const same = (bytes: Buffer) => bytes;

describe("the bench's replica and generator", () => {
  let replica: ChildProcess;
  let port: number;
  before(async () => {
    replica = spawn(process.execPath, [bench('replica.ts'), '0'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [line] = (await once(replica.stdout!, 'data')) as [Buffer];
    [port] = JSON.parse(line.toString()) as [number];
  });
  after(async () => {
    replica.stdin?.end();
    await once(replica, 'exit');
  });

  it('echoes bodies of any size to a real gRPC client, through its flow control', async () => {
    const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    for (const bytes of [1, 25, 16_384, 65_530, 65_536, 1 << 20]) {
      const message = Buffer.alloc(bytes, bytes % 251);
      const calls = Array.from(
        { length: 5 },
        () =>
          new Promise<Buffer | undefined>((resolve, reject) =>
            client.makeUnaryRequest('/bench.Echo/Unary', same, same, message, (error, reply) =>
              error === null ? resolve(reply) : reject(error),
            ),
          ),
      );
      for (const reply of await Promise.all(calls))
        expect(reply?.equals(message), `${bytes} bytes`).to.equal(true);
    }
    client.close();
  });

  it('is SERVING to a health check', async () => {
    const Health = grpc.makeGenericClientConstructor(healthService, 'Health');
    const client = new Health(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
    for (const request of [{}, { service: '' }]) {
      const reply = await new Promise((resolve, reject) =>
        client.Check(request, (error: Error | null, answer: unknown) =>
          error ? reject(error) : resolve(answer),
        ),
      );
      expect(reply).to.deep.equal({ status: 'SERVING' });
    }
    client.close();
  });

  it('is what the generator takes for right, with and without HPACK churn and with large bodies', async () => {
    for (const [calls, messageBytes, churn] of [
      [500, 25, undefined],
      [500, 25, 'literals'],
      [500, 25, 'indexed'],
      [20, 1 << 20, undefined],
    ] as const) {
      const work = { port, connections: 3, inFlight: 4, calls, messageBytes, churn };
      const { stdout } = await run(process.execPath, [bench('closed-loop.ts'), JSON.stringify(work)]);
      expect(JSON.parse(stdout).calls).to.equal(calls);
    }
  });
});
