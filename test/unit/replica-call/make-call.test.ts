import { EventEmitter } from 'node:events';
import { type Client, Metadata, status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { VirtualClock } from '../../../src/core/clock.ts';
import { poolOf } from '../../../src/reflection/descriptor-set.ts';
import { makeCall } from '../../../src/replica-call/make-call.ts';
import { accountFiles } from '../../support/account-server.ts';

const pool = poolOf([...accountFiles.values()]).value!;
const method = pool.method('outrigger.test.Account/Watch').value!;
const limits = { messagesMax: 10, valuesMax: 100, bytesMax: 1_000 };
/** A text of `length` bytes as the access token of a session. */
const session = (length: number): Buffer => {
  const text = Buffer.alloc(length, 'x');
  const prefix = [0x0a];
  for (let rest = length; ; rest >>>= 7) {
    prefix.push(rest < 128 ? rest : (rest & 127) | 128);
    if (rest < 128) return Buffer.concat([Buffer.from(prefix), text]);
  }
};

/** Makes a call to a server that sends these messages, and OK unless the client has cancelled. */
async function call(replies: Iterable<Buffer>) {
  let isCancelled = false;
  const stream = Object.assign(new EventEmitter(), {
    write() {},
    end() {},
    cancel() {
      isCancelled = true;
    },
  });
  const client = { makeBidiStreamRequest: () => stream } as unknown as Client;
  let messages = 0;
  const result = makeCall({
    client,
    pool,
    method,
    requests: [],
    metadata: new Metadata(),
    timeoutMs: 1_000,
    clock: new VirtualClock(),
    limits,
    onMessage: () => messages++,
  });
  for (const reply of replies) stream.emit('data', reply);
  const code = isCancelled ? status.CANCELLED : status.OK;
  stream.emit('status', { code, details: 'of the server', metadata: new Metadata() });
  return { ...(await result), messages };
}

function* repeat(reply: Buffer, count: number): Generator<Buffer> {
  for (let i = 0; i < count; i++) yield reply;
}

describe('replica-call/make-call', () => {
  it('shows each message, and the status', async () => {
    const result = await call(repeat(session(5), 3));
    expect(result).to.include({ code: status.OK, details: 'of the server', messages: 3 });
  });

  it('cancels a reply of too many messages', async () => {
    const result = await call(repeat(Buffer.alloc(0), limits.messagesMax + 5));
    expect(result).to.include({
      code: status.CANCELLED,
      details: 'the reply has more than 10 messages',
      messages: limits.messagesMax,
    });
  });

  it('cancels a reply of too many bytes, and keeps nothing of what still comes', async () => {
    const large = session(300);
    const result = await call([...repeat(large, 5), Buffer.alloc(0)]);
    expect(result).to.include({ code: status.CANCELLED, details: 'the reply has more than 1000 bytes' });
    expect(result.messages).to.equal(3);
  });

  it('cancels a reply with a message that does not decode', async () => {
    const result = await call([session(5), Buffer.from([0x0a, 0xff]), session(5)]);
    expect(result).to.include({ code: status.CANCELLED, messages: 1 });
    expect(result.details).to.match(/^the bytes are not a valid outrigger\.test\.Session: /);
  });
});
