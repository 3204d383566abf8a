import { createHash } from 'node:crypto';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import type { EchoRequest } from '../support/protos.ts';
import { rig } from './rig.ts';

const mebibytes16 = 16 << 20;

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Bytes without a period that a repeated or lost frame could hide in. */
function payload(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = length | 1;
  for (let i = 0; i + 4 <= length; i += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE(state, i);
  }
  return bytes;
}

describe('calls pass exactly', () => {
  const { chain } = rig();

  it('a unary call', async () => {
    const { client, replica } = await chain({ name: 'a' });
    const { code, replies } = await client.sayHello('Ada');
    expect(code).to.equal(grpc.status.OK);
    expect(replies).to.deep.equal([{ message: 'Hello Ada', replica: 'a' }]);
    expect(replica.calls).to.equal(1);
  });

  it('a client stream', async () => {
    const { client } = await chain();
    const pieces = ['one', 'two', 'three'].map((text) => ({ payload: Buffer.from(text) }));
    const { code, replies } = await client.clientStream(pieces);
    expect(code).to.equal(grpc.status.OK);
    expect(replies[0].payload.toString()).to.equal('onetwothree');
    expect(replies[0].received).to.equal(3);
  });

  it('a server stream, in order', async () => {
    const { client } = await chain();
    const { code, replies } = await client.serverStream({
      payload: Buffer.from('x'),
      options: { replies: 500 },
    });
    expect(code).to.equal(grpc.status.OK);
    expect(replies.map((reply) => reply.index)).to.deep.equal(Array.from({ length: 500 }, (_, i) => i));
  });

  it('a bidirectional stream, each reply before the next request', async () => {
    const { client } = await chain();
    const { call, result } = client.openBidi();
    for (const text of ['a', 'b', 'c']) {
      call.write({ payload: Buffer.from(text) });
      const reply = await new Promise<{ payload: Buffer }>((resolve) => call.once('data', resolve));
      expect(reply.payload.toString()).to.equal(text);
    }
    call.on('data', () => {});
    call.end();
    expect((await result).code).to.equal(grpc.status.OK);
  });

  it('a half-close: replies go on after the request has ended', async () => {
    const { client } = await chain();
    const { code, replies } = await client.bidi([{ options: { sleepMs: 30 } }, {}]);
    expect(code).to.equal(grpc.status.OK);
    expect(replies).to.have.length(2);
  });

  it('messages of no bytes, as many as there are', async () => {
    const { client } = await chain();
    expect((await client.unary({})).replies[0].payload).to.have.length(0);
    const { code, replies } = await client.bidi(Array.from({ length: 50 }, () => ({})));
    expect(code).to.equal(grpc.status.OK);
    expect(replies.map((reply) => reply.payload.length)).to.deep.equal(Array.from({ length: 50 }, () => 0));
  });

  it('a stream without any message', async () => {
    const { client } = await chain();
    const { code, replies } = await client.bidi([]);
    expect(code).to.equal(grpc.status.OK);
    expect(replies).to.deep.equal([]);
  });

  it('initial metadata and trailers, to the server and back', async () => {
    const { client, replica } = await chain();
    const trailers = [{ key: 'x-took', text: '12 ms' }];
    const { metadata, trailers: got } = await client.unary(
      { options: { echoMetadata: true, trailers } },
      { metadata: [['x-user', 'ada']] },
    );
    expect(metadata.get('echo-x-user')).to.deep.equal(['ada']);
    expect(got.get('x-took')).to.deep.equal(['12 ms']);
    expect(replica.lastMetadata?.get('x-user')).to.deep.equal(['ada']);
  });

  it('binary metadata, every byte', async () => {
    const { client, replica } = await chain();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const { trailers } = await client.unary(
      { options: { trailers: [{ key: 'x-all-bin', binary: bytes }] } },
      { metadata: [['x-all-bin', bytes]] },
    );
    expect(replica.lastMetadata?.get('x-all-bin')).to.deep.equal([bytes]);
    expect(trailers.get('x-all-bin')).to.deep.equal([bytes]);
  });

  it('repeated metadata keeps its order', async () => {
    const { client, replica } = await chain();
    const values = ['b', 'a', 'c', 'a'];
    const { trailers } = await client.unary(
      { options: { trailers: values.map((text) => ({ key: 'x-many', text })) } },
      { metadata: values.map((value) => ['x-many', value] as const) },
    );
    expect(replica.lastMetadata?.get('x-many').join(', ')).to.equal('b, a, c, a');
    expect(trailers.get('x-many').join(', ')).to.equal('b, a, c, a');
  });

  it('every status, with a message in Unicode, as trailers only and after replies', async () => {
    const { client } = await chain();
    const message = 'nö: 失敗 🚣 100%\n"quoted"';
    for (let status = 1; status <= 16; status++) {
      const options = { failStatus: status, failMessage: message, trailers: [{ key: 'x-why', text: 'so' }] };
      const bare = await client.unary({ options });
      expect([bare.code, bare.details], `unary ${status}`).to.deep.equal([status, message]);
      expect(bare.trailers.get('x-why')).to.deep.equal(['so']);
      const after = await client.serverStream({ options: { ...options, replies: 2 } });
      expect([after.code, after.details], `stream ${status}`).to.deep.equal([status, message]);
      expect(after.replies).to.have.length(2);
    }
  });

  it('no status of a server is taken for an error of ours', async () => {
    const { client, sidecar } = await chain();
    await client.unary({ options: { failStatus: grpc.status.UNAVAILABLE, failMessage: 'busy' } });
    const [record] = sidecar.calls();
    expect(record).to.include({ grpcStatus: grpc.status.UNAVAILABLE, endedBy: 'upstream', error: '' });
    expect(record.attempts).to.have.length(1);
  });

  for (const bytes of [1, 16_383, 16_384, 65_535, 65_536, 1 << 20, mebibytes16 - 5]) {
    it(`a message of ${bytes} bytes both ways`, async () => {
      const { client } = await chain();
      const sent = payload(bytes);
      const { code, replies } = await client.unary({ payload: sent });
      expect(code).to.equal(grpc.status.OK);
      expect(replies[0].payload).to.have.length(bytes);
      expect(sha256(replies[0].payload)).to.equal(sha256(sent));
    });
  }

  it('eight messages of 2 MiB each on streams side by side', async () => {
    const { client } = await chain();
    const sent = payload(2 << 20);
    const requests: EchoRequest[] = Array.from({ length: 2 }, () => ({ payload: sent }));
    const results = await Promise.all(Array.from({ length: 4 }, () => client.bidi(requests)));
    for (const { code, replies } of results) {
      expect(code).to.equal(grpc.status.OK);
      for (const reply of replies) expect(sha256(reply.payload)).to.equal(sha256(sent));
    }
  });

  it("a server's early end: the status comes while the client still sends", async () => {
    const { client, sidecar } = await chain();
    // With a body limit of 4 MiB by default at the client's side of things, the server here refuses at once.
    const { call, result } = client.openBidi();
    call.on('data', () => {});
    call.write({ options: { failStatus: grpc.status.RESOURCE_EXHAUSTED, failMessage: 'enough' } });
    call.end();
    const { code, details } = await result;
    expect([code, details]).to.deep.equal([grpc.status.RESOURCE_EXHAUSTED, 'enough']);
    expect(sidecar.cluster().active).to.equal(0);
  });

  it('counts messages and bytes of a call on its record', async () => {
    const { client, sidecar } = await chain();
    await client.bidi(Array.from({ length: 3 }, () => ({ payload: Buffer.alloc(10) })));
    const [record] = sidecar.calls();
    expect(record).to.include({ requestMessages: 3, responseMessages: 3, grpcStatus: 0, error: '' });
    expect(record.requestBytes).to.be.greaterThan(3 * 15 - 1);
    expect(sidecar.endpoint(record.attempts[0].endpoint)).to.include({ success: 1, error: 0, active: 0 });
  });
});
