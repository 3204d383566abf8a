import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import type { Address } from '../../../src/core/address.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { grpcProbe } from '../../../src/health/grpc-probe.ts';
import { startFrameServer, Type } from '../../support/frame-peer.ts';
import { healthService } from '../../support/protos.ts';

const timeoutMs = 2000;
const tcp = (port: number): Address => ({ kind: 'tcp', host: '127.0.0.1', port });

describe('a health service that answers garbage', () => {
  /** A gRPC server whose Check sends these bytes as its message. */
  async function saying(bytes: Buffer): Promise<{ port: number; close(): void }> {
    const server = new grpc.Server();
    const raw = {
      ...healthService.Check,
      responseSerialize: (value: unknown) => value as Buffer,
    } as grpc.MethodDefinition<unknown, unknown>;
    const check = (_call: unknown, done: grpc.sendUnaryData<unknown>) => done(null, bytes);
    server.addService({ Check: raw }, { Check: check as grpc.UntypedHandleCall });
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
    return { port, close: () => server.forceShutdown() };
  }
  for (const [what, bytes, reason] of [
    ['no protobuf', Buffer.from('ffffffffffff', 'hex'), /^a message that is no HealthCheckResponse: /],
    [
      'a status that does not exist',
      Buffer.from([0x08, 77]),
      /^serving status 77, which grpc.health.v1 does not define$/,
    ],
    [
      'a message far too long',
      Buffer.alloc(1 << 20),
      /^a message of 1048576 bytes, which is no HealthCheckResponse$/,
    ],
  ] as const) {
    it(`${what} says nothing about health, with its reason`, async () => {
      const server = await saying(bytes);
      const made = grpcProbe(tcp(server.port), systemClock, { service: '', mode: 'check' });
      for (let i = 0; i < 2; i++) {
        const result = await made.check(timeoutMs);
        expect(result.verdict).to.equal('inconclusive');
        expect(result.reason).to.match(reason);
      }
      made.close();
      server.close();
    });
  }

  it('in HTTP/2 as well: it says nothing about health, and nothing breaks', async () => {
    const garbage = await startFrameServer((peer, frame) => {
      if (frame.type !== Type.Headers) return;
      peer.headers(frame.streamId, [
        [':status', '200'],
        ['content-type', 'text/html'],
      ]);
      peer.data(frame.streamId, Buffer.from('<html>'), true);
    });
    const made = grpcProbe(tcp(Number(garbage.address.split(':')[1])), systemClock, {
      service: '',
      mode: 'watch',
    });
    const result = await made.check(timeoutMs);
    expect(result.verdict).to.equal('inconclusive');
    expect(result.reason).to.match(/^[\x20-\x7e]{3,200}$/);
    made.close();
    await garbage.close();
  });
});
