import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { systemClock } from '../../../src/core/clock.ts';
import { ReflectionClient } from '../../../src/reflection/reflection-client.ts';
import {
  type Answer,
  addReflection,
  bind,
  fileDescriptors,
  part,
  type ReflectionVersions,
} from '../../support/reflection-server.ts';

describe('reflection client', () => {
  const files = fileDescriptors('test/types.proto');
  let server: grpc.Server;
  let client: grpc.Client;

  async function start(versions: ReflectionVersions | 'none', lie?: Answer): Promise<ReflectionClient> {
    server = new grpc.Server();
    if (versions !== 'none') addReflection(server, files, versions, lie);
    client = new grpc.Client(await bind(server), grpc.credentials.createInsecure());
    return new ReflectionClient(client, systemClock, { timeoutMs: 3_000 });
  }

  afterEach(() => {
    client.close();
    server.forceShutdown();
  });

  for (const versions of ['v1', 'v1alpha', 'both'] as const)
    it(`finds services, methods and their messages by ${versions}`, async () => {
      const reflection = await start(versions);
      expect(await reflection.listServices()).to.deep.equal({ value: ['outrigger.types.Types'] });
      const { value: pool, error } = await reflection.describe('outrigger.types.Types');
      expect(error).to.equal(undefined);
      const method = pool?.method('outrigger.types.Types/Return').value;
      expect(method?.input.fullName).to.equal('outrigger.types.All');
      expect(method?.method.requestStream).to.equal(false);
      // Each file that is imported was requested as well.
      expect(pool?.message('google.protobuf.Timestamp')?.byName.has('seconds')).to.equal(true);
    });

  it('reports a server without the service as such', async () => {
    const reflection = await start('none');
    const { error, ...rest } = await reflection.listServices();
    expect(rest).to.deep.equal({ unsupported: true });
    expect(error).to.match(
      /^the server does not offer the reflection service \(grpc\.reflection\.v1 or v1alpha\)/,
    );
  });

  it('reports a symbol that the server does not know, with the words of the server', async () => {
    const reflection = await start('v1');
    expect(await reflection.describe('no.Such')).to.deep.equal({
      error: 'the reflection service answered: not found here',
      unsupported: false,
    });
  });

  it('keeps what it has when the server lacks a file that another one imports', async () => {
    const reflection = await start('v1', (request) =>
      request.text(3).includes('protobuf') ? part(7, part(2, 'no such file')) : null,
    );
    const { value: pool } = await reflection.describe('outrigger.types.Types');
    expect(pool?.message('google.protobuf.Any')).to.equal(undefined);
    expect(pool?.method('outrigger.types.Types/Return').value?.input.fullName).to.equal(
      'outrigger.types.All',
    );
  });

  const lies: Readonly<Record<string, Answer>> = {
    'bytes that are no message': () => Buffer.from([0xff, 0xff]),
    'an answer to another question': () => part(6, part(1, part(1, 'a.Service'))),
    'a file that is malformed': () => part(4, part(1, Buffer.from([0x0a, 0x7f]))),
    'a file without a name': () => part(4, part(1, part(2, 'package'))),
    'an empty answer': () => Buffer.alloc(0),
  };
  for (const [what, lie] of Object.entries(lies))
    it(`refuses ${what}`, async () => {
      const reflection = await start('v1', lie);
      const { error } = await reflection.describe('outrigger.types.Types');
      expect(error).to.match(/^the reflection service sent an invalid answer: \w+/);
    });

  it('stops when a server always names one more file', async () => {
    let asked = 0;
    const reflection = await start('v1', () => {
      asked++;
      return part(4, part(1, Buffer.concat([part(1, `${asked}.proto`), part(3, `${asked + 1}.proto`)])));
    });
    const { error } = await reflection.describe('outrigger.types.Types');
    expect(error).to.match(/more than 2000 files|did not answer in time/);
    expect(asked).to.be.at.most(2001);
  });

  it('stops when the definitions are too large', async () => {
    let asked = 0;
    const reflection = await start('v1', () => {
      asked++;
      const padding = part(99, Buffer.alloc(3 << 20));
      return part(
        4,
        part(1, Buffer.concat([part(1, `${asked}.proto`), part(3, `${asked + 1}.proto`), padding])),
      );
    });
    const result = await reflection.describe('outrigger.types.Types');
    // What was sent before is of no use without the rest, and nothing further is requested.
    expect(result.error ?? '').to.match(/larger than 8 MiB/);
    expect(asked).to.equal(3);
  });

  it('ends when the server does not answer in time', async () => {
    server = new grpc.Server();
    server.addService(
      {
        ServerReflectionInfo: {
          path: '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
          requestStream: true,
          responseStream: true,
          requestSerialize: (bytes: Buffer) => bytes,
          requestDeserialize: (bytes: Buffer) => bytes,
          responseSerialize: (bytes: Buffer) => bytes,
          responseDeserialize: (bytes: Buffer) => bytes,
        },
      },
      { ServerReflectionInfo: () => {} },
    );
    client = new grpc.Client(await bind(server), grpc.credentials.createInsecure());
    const result = await new ReflectionClient(client, systemClock, { timeoutMs: 100 }).listServices();
    expect(result).to.deep.equal({
      error: 'the reflection service did not answer in time',
      unsupported: false,
    });
  });
});
