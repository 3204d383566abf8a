// embed.test.ts
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { startSidecar } from 'outrigger';

const { Greeter } = grpc.loadPackageDefinition(loadSync('protos/greeter.proto')).helloworld as Record<
  'Greeter',
  grpc.ServiceClientConstructor
>;

/** Starts a replica whose first call fails. */
async function startReplica(t: TestContext) {
  const replica = { address: '', calls: 0 };
  const server = new grpc.Server();
  server.addService(Greeter.service, {
    SayHello(call: grpc.ServerUnaryCall<{ name: string }, unknown>, done: grpc.sendUnaryData<object>) {
      replica.calls++;
      if (replica.calls === 1) done({ code: grpc.status.UNAVAILABLE });
      else done(null, { message: `Hello ${call.request.name}` });
    },
  });
  const port = await new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  t.after(() => server.forceShutdown());
  replica.address = `127.0.0.1:${port}`;
  return replica;
}

test('a call that fails on both replicas is retried until it succeeds', async (t) => {
  const replicas = [await startReplica(t), await startReplica(t)];
  const sidecar = await startSidecar(
    {
      listeners: [
        {
          name: 'greeter',
          listen: '127.0.0.1:0',
          routes: [{ name: 'all', cluster: 'greeter', retry: { on: ['unavailable'], attempts: 3 } }],
        },
      ],
      clusters: [{ name: 'greeter', endpoints: replicas.map(({ address }) => ({ address })) }],
    },
    { log: (line) => t.diagnostic(line) },
  );
  t.after(() => sidecar.close());
  await sidecar.ready();

  const client = new Greeter(sidecar.address(), grpc.credentials.createInsecure());
  t.after(() => client.close());
  const reply = await new Promise((resolve, reject) => {
    client.SayHello({ name: 'you' }, (error: Error | null, message: unknown) =>
      error === null ? resolve(message) : reject(error),
    );
  });
  assert.deepEqual(reply, { message: 'Hello you' });
  assert.equal(replicas[0].calls + replicas[1].calls, 3);
});
