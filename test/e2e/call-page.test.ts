import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { jobsMax, replyLimits } from '../../src/replica-call/limits.ts';
import { greeterService } from '../support/protos.ts';
import { addReflection, bind, fileDescriptors } from '../support/reflection-server.ts';
import type { ConfigShape, Sidecar } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { localhostCertificate, localhostKey } from '../unit/health/localhost-certificate.ts';
import { rig } from './rig.ts';

interface Replica {
  readonly name: string;
  readonly address: string;
  readonly seen: grpc.Metadata[];
  /** Answers of SayHello that wait until the test lets them go. */
  readonly held: Array<() => void>;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a client of the API sees
  readonly json: any;
}

const hello = 'helloworld.Greeter/SayHello';

describe('calls from the live page', () => {
  const { sidecar, defer } = rig();

  async function replica(name: string, { reflection = true, holds = false } = {}): Promise<Replica> {
    const server = new grpc.Server();
    const seen: grpc.Metadata[] = [];
    const held: Array<() => void> = [];
    const greet = (request: { name: string }) => ({ message: `Hello ${request.name}`, replica: name });
    server.addService(greeterService, {
      SayHello(call: grpc.ServerUnaryCall<{ name: string }, object>, done: grpc.sendUnaryData<object>) {
        seen.push(call.metadata);
        const trailers = new grpc.Metadata();
        trailers.set('x-cost', '7');
        if (call.request.name === 'nobody') done({ code: grpc.status.NOT_FOUND, details: 'nobody is here' });
        else if (holds) held.push(() => done(null, greet(call.request)));
        else done(null, greet(call.request), trailers);
      },
      SayHelloStreamReply(call: grpc.ServerWritableStream<{ name: string }, object>) {
        const count = call.request.name === 'endless' ? 1_000 : 3;
        for (let i = 0; i < count; i++) call.write(greet({ name: `${call.request.name} ${i}` }));
        call.end();
      },
      SayHelloBidiStream(call: grpc.ServerDuplexStream<{ name: string }, object>) {
        call.on('data', (request: { name: string }) => call.write(greet(request)));
        call.on('end', () => call.end());
        call.on('error', () => {});
      },
    });
    if (reflection) addReflection(server, fileDescriptors('greeter.proto'));
    defer(() => server.forceShutdown());
    return { name, address: await bind(server), seen, held };
  }

  async function started(
    replicas: readonly Replica[],
    admin: object = {},
    listener: object = {},
  ): Promise<Sidecar> {
    return sidecar({
      admin: { listen: '127.0.0.1:0', ...admin },
      listeners: [
        {
          name: 'outbound',
          listen: '127.0.0.1:0',
          routes: [{ name: 'all', cluster: 'greeter' }],
          ...listener,
        },
      ],
      clusters: [
        { name: 'greeter', health: 'none', endpoints: replicas.map(({ address }) => ({ address })) },
      ],
    } as ConfigShape);
  }

  async function post(
    { adminUrl }: Sidecar,
    path: string,
    body: object | string = {},
    headers = {},
  ): Promise<Answer> {
    const reply = await fetch(`${adminUrl}${path}`, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers,
    });
    const text = await reply.text();
    const isJson = reply.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: reply.status, text, json: isJson ? JSON.parse(text) : undefined };
  }

  it('lists the methods with an empty message of each', async () => {
    const { json, status } = await post(await started([await replica('a')]), '/call/methods');
    expect(status).to.equal(200);
    expect(json.problems).to.deep.equal([]);
    expect(json.methods).to.deep.equal(
      [
        ['SayHello', false, false],
        ['SayHelloStreamReply', false, true],
        ['SayHelloBidiStream', true, true],
      ].map(([name, requestStream, responseStream]) => ({
        name: `helloworld.Greeter/${name}`,
        requestStream,
        responseStream,
        template: { name: '' },
      })),
    );
  });

  it('makes a call through the listener: marked, sampled, counted and explained', async () => {
    const one = await replica('a');
    const running = await started([one]);
    const { json } = await post(running, '/call', {
      method: hello,
      data: '{"name": "Anna"}',
      headers: [['X-Team', 'orders']],
    });
    expect(json).to.deep.include({ status: 'OK', code: 0, endpoint: one.address });
    expect(json.messages).to.deep.equal([{ message: 'Hello Anna', replica: 'a' }]);
    expect(json.trailers['x-cost']).to.deep.equal(['7']);
    const [metadata] = one.seen;
    expect(metadata.get('x-outrigger-call')).to.deep.equal(['outrigger/test']);
    expect(metadata.get('user-agent')[0]).to.match(/^outrigger-call\/test /);
    expect(metadata.get('x-team')).to.deep.equal(['orders']);
    const record = running.calls().find(({ id }) => id === json.id)!;
    expect([String(record.traceId), record.path]).to.deep.equal([json.traceId, `/${hello}`]);
    expect(metadata.get('traceparent')[0]).to.match(new RegExp(`^00-${json.traceId}-.{16}-01$`));
    const explained = await fetch(`${running.adminUrl}/explain/${json.id}`);
    expect(await explained.text()).to.include(one.address);
  });

  it('reaches the endpoint that is chosen, also a drained one', async () => {
    const replicas = [await replica('a'), await replica('b')];
    const running = await started(replicas);
    await post(running, `/endpoints/${replicas[1].address}/drain`);
    for (const { name, address } of [...replicas, ...replicas]) {
      const { json } = await post(running, '/call', { method: hello, endpoint: address });
      expect([json.messages[0].replica, json.endpoint]).to.deep.equal([name, address]);
    }
    const balanced = await post(running, '/call', { method: hello });
    expect(balanced.json.messages[0].replica).to.equal('a');
  });

  it('makes calls with streams, and cancels a reply without an end', async () => {
    const running = await started([await replica('a')]);
    const streamed = await post(running, '/call', {
      method: 'helloworld.Greeter/SayHelloStreamReply',
      data: '{"name": "Anna"}',
    });
    expect(streamed.json.messages).to.have.length(3);
    const both = await post(running, '/call', {
      method: 'helloworld.Greeter/SayHelloBidiStream',
      data: '{"name": "a"}\n{"name": "b"}',
    });
    expect(both.json.messages.map(({ message }: { message: string }) => message)).to.deep.equal([
      'Hello a',
      'Hello b',
    ]);
    const endless = await post(running, '/call', {
      method: 'helloworld.Greeter/SayHelloStreamReply',
      data: '{"name": "endless"}',
    });
    expect(endless.json).to.include({
      status: 'CANCELLED',
      details: `the reply has more than ${replyLimits.messagesMax} messages`,
    });
    expect(endless.json.messages).to.have.length(replyLimits.messagesMax);
  });

  it('shows the status of a call that fails, and that of one over its deadline', async () => {
    const slow = await replica('slow', { holds: true });
    const running = await started([slow]);
    const failed = await post(running, '/call', { method: hello, data: '{"name": "nobody"}' });
    expect(failed.json).to.include({ status: 'NOT_FOUND', details: 'nobody is here', code: 5 });
    const late = await post(running, '/call', { method: hello, timeoutMs: 50 });
    expect(late.json.status).to.equal('DEADLINE_EXCEEDED');
  });

  const wrong: ReadonlyArray<readonly [object | string, number, RegExp]> = [
    ['{', 400, /^The body is not JSON: /],
    ['[]', 400, /^The body must be a JSON object\.$/],
    [{ methd: hello }, 400, /^There is no "methd" in the body; use listener, /],
    [{ method: 'SayHello' }, 400, /package\.Service\/Method/],
    [{ method: hello, data: {} }, 400, /"data": "\{\}"/],
    [{ method: hello, timeoutMs: 60_000 }, 400, /whole number from 1 to 15000/],
    [{ method: hello, headers: [['a']] }, 400, /^Write "headers" as at most 32 pairs/],
    [{ method: hello, headers: [['bad name', 'x']] }, 400, /^Not sent: The metadata is not valid: /],
    [
      { method: hello, data: '{"nmae": 1}' },
      400,
      /nmae is not in helloworld\.HelloRequest, did you mean "name"/,
    ],
    [{ method: hello, data: '{name' }, 400, /^Not sent: The request is not valid: it is not JSON/],
    [{ method: hello, data: '[{}, {}]' }, 400, /has 2 messages, and helloworld\.Greeter\/SayHello takes one/],
    [{ method: 'helloworld.Greeter/Nope' }, 400, /has no method "Nope"; it has SayHello, /],
    [{ method: hello, listener: 'outbond' }, 404, /no listener "outbond"; did you mean "outbound"/],
    [{ method: hello, endpoint: '127.0.0.1:1' }, 404, /no cluster has the endpoint "127\.0\.0\.1:1"/],
  ];
  it('says what is wrong with a request, and calls nothing', async () => {
    const one = await replica('a');
    const running = await started([one]);
    for (const [body, status, sentence] of wrong) {
      const answer = await post(running, '/call', body);
      expect([answer.status, sentence.test(answer.text.trim())], answer.text).to.deep.equal([status, true]);
    }
    expect(one.seen).to.deep.equal([]);
    const large = await post(running, '/call', { method: hello, data: ' '.repeat(300 * 1024) });
    expect(large.status).to.equal(413);
  });

  it('says what helps where a replica has no reflection service', async () => {
    const running = await started([await replica('a', { reflection: false })]);
    for (const [path, body] of [
      ['/call/methods', {}],
      ['/call', { method: hello }],
    ] as const) {
      const { status, text } = await post(running, path, body);
      expect(status).to.equal(502);
      expect(text)
        .to.include('does not offer the reflection service')
        .and.include('outrigger call with --proto');
    }
  });

  it('is forbidden with admin.pinnedCalls: false', async () => {
    const one = await replica('a');
    const running = await started([one], { pinnedCalls: false });
    for (const path of ['/call', '/call/methods']) {
      const { status, text } = await post(running, path, path === '/call' ? { method: hello } : {});
      expect([status, text.includes('admin.pinnedCalls: true')]).to.deep.equal([403, true]);
    }
    expect(one.seen).to.deep.equal([]);
  });

  it('is refused to a page of another site', async () => {
    const one = await replica('a');
    const running = await started([one]);
    const { status } = await post(running, '/call', { method: hello }, { origin: 'http://evil.example' });
    expect(status).to.equal(403);
    expect(one.seen).to.deep.equal([]);
  });

  it('names the command where the listener requires TLS', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'call-page-'));
    defer(() => rmSync(folder, { recursive: true }));
    const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    writeFileSync(cert, localhostCertificate);
    writeFileSync(key, localhostKey);
    const running = await started([await replica('a')], {}, { tls: { cert, key } });
    const { status, text } = await post(running, '/call', { method: hello });
    expect([status, text]).to.deep.equal([
      409,
      'Not sent: the listener "outbound" requires TLS; use outrigger call --listener outbound --tls-ca FILE.\n',
    ]);
  });

  it(`runs ${jobsMax} calls at a time, and refuses more`, async () => {
    const slow = await replica('slow', { holds: true });
    const running = await started([slow]);
    const calls = Array.from({ length: jobsMax }, () => post(running, '/call', { method: hello }));
    await until(
      () => slow.held.length === jobsMax,
      () => `${slow.held.length} calls`,
    );
    const { status, text } = await post(running, '/call', { method: hello });
    expect([status, text]).to.deep.equal([
      429,
      `Not sent: ${jobsMax} calls run already, which is the maximum; wait for one of them.\n`,
    ]);
    for (const answer of slow.held) answer();
    for (const { json } of await Promise.all(calls)) expect(json.status).to.equal('OK');
  });
});
