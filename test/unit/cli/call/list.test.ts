import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { RawMessage } from '../../../../src/reflection/raw-message.ts';
import { bind, message, part } from '../../../support/reflection-server.ts';
import { runCommand } from '../support.ts';

const count = 40;

describe('outrigger call without a method', () => {
  let server: grpc.Server;
  let target: string;
  before(async () => {
    server = new grpc.Server();
    const plain = (bytes: Buffer): Buffer => bytes;
    const names = Array.from({ length: count }, (_, i) => part(1, message(part(1, `slow.S${i + 10}`))));
    const refusal = part(7, message(Buffer.of(1 << 3, 5), part(2, 'not found')));
    server.addService(
      {
        ServerReflectionInfo: {
          path: '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
          requestStream: true,
          responseStream: true,
          requestSerialize: plain,
          requestDeserialize: plain,
          responseSerialize: plain,
          responseDeserialize: plain,
        },
      },
      {
        ServerReflectionInfo(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
          call.on('data', (bytes: Buffer) => {
            if (new RawMessage(bytes).has(7)) call.write(part(6, message(...names)));
            else setTimeout(() => call.write(refusal), 50);
          });
          call.on('end', () => call.end());
        },
      },
    );
    target = await bind(server);
  });
  after(() => server.forceShutdown());

  it('asks for the methods of the services for as long as --timeout allows, and lists the others by name', async () => {
    const { code, out, err } = await runCommand(['call', '--target', target, '--timeout', '300ms']);
    expect(code).to.equal(0);
    expect(out.trimEnd().split('\n')).to.have.length(count);
    const missing = /^the methods of (\d+) services are missing: .*; raise --timeout$/m.exec(err);
    expect(Number(missing?.[1])).to.be.within(count / 2, count);
  });
});
