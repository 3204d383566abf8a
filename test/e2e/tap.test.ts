import { request } from 'node:http';
import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { masked } from '../../src/core/secret-keys.ts';
import type { ShownMessage } from '../../src/tap/events.ts';
import {
  type AccountClient,
  accountFiles,
  connectAccount,
  type Login,
  type Reflection,
  type Session,
  startAccountServer,
} from '../support/account-server.ts';
import { message, part } from '../support/reflection-server.ts';
import { greeterConfig, type Sidecar } from '../support/sidecar.ts';
import { openTap, type TapClient } from '../support/tap-client.ts';
import { until } from '../support/until.ts';
import { type Rig, rig } from './rig.ts';

const ann: Login = { user: 'ann', password: 'pw', email: 'a@b', labels: { 'api-key': 'x' } };
const shownAnn = {
  user: 'ann',
  password: masked,
  email: 'a@b',
  labels: { 'api-key': masked },
};
const shownSession = {
  accessToken: masked,
  balance: { cents: '1250', currency: 'EUR' },
  opened: '2023-11-14T22:13:20Z',
  nextPageToken: masked,
};

interface AccountChain {
  readonly client: AccountClient;
  readonly sidecar: Sidecar;
  readonly address: string;
}

async function startChain(
  stage: Rig,
  reflection: Reflection = 'both',
  more: Record<string, unknown> = {},
  options: grpc.ClientOptions = {},
): Promise<AccountChain> {
  const server = await startAccountServer(reflection);
  stage.defer(() => server.kill());
  const sidecar = await stage.sidecar(greeterConfig([server], {}, more));
  const client = connectAccount(sidecar.target(), options);
  stage.defer(() => client.close());
  return { client, sidecar, address: server.address };
}

async function startTap(stage: Rig, sidecar: Sidecar, query = '', options = {}): Promise<TapClient> {
  const tap = await openTap(sidecar.adminUrl, query, options);
  stage.defer(() => tap.close());
  return tap;
}

function login(client: AccountClient, of: Login = ann): Promise<Session | grpc.status> {
  const metadata = new grpc.Metadata();
  metadata.set('authorization', 'Bearer abc');
  return new Promise((resolve) => {
    client.login(of, metadata, (error, reply) => resolve(error === null ? reply! : error.code));
  });
}

describe('tap of messages', () => {
  const stage = rig();

  for (const version of ['v1', 'v1alpha'] as const)
    it(`decodes messages by reflection ${version}`, async () => {
      const { client, sidecar } = await startChain(stage, version);
      const tap = await startTap(stage, sidecar, '?messages=true');
      const reply = (await login(client)) as Session;
      expect(reply.accessToken, 'the call itself has it all').to.equal('token-of-ann');
      const [{ request: sent, response }] = await tap.calls(1);
      expect(sent.messages!.map((one) => 'json' in one && one.json)).to.deep.equal([shownAnn]);
      expect(response!.messages!.map((one) => 'json' in one && one.json)).to.deep.equal([shownSession]);
      expect(tap.text).not.to.contain('token-of-ann').and.not.contain('Bearer abc');
    });

  it('shows each message of a stream up to the maximum, and how many more there are', async () => {
    const { client, sidecar } = await startChain(stage);
    const tap = await startTap(stage, sidecar, '?messages=true&max-messages=2');
    const call = client.watch(ann);
    await new Promise<void>((resolve) => call.on('data', () => {}).on('end', resolve));
    const [{ response }] = await tap.calls(1);
    expect(response!.messages!.map(({ index }) => index)).to.deep.equal([0, 1]);
    expect(response!.messagesNotShown).to.equal(1);
  });

  it('with live, shows messages as they pass, in order', async () => {
    const { client, sidecar } = await startChain(stage);
    const tap = await startTap(stage, sidecar, '?messages=true&live=true');
    const call = client.watch(ann);
    await new Promise<void>((resolve) => call.on('data', () => {}).on('end', resolve));
    await tap.calls(1);
    const kinds = tap.events.map((one) =>
      one.event === 'message' ? `${one.direction} ${one.index}` : one.event,
    );
    expect(kinds.filter((kind) => kind !== 'counts')).to.deep.equal([
      'tap',
      'started',
      'request 0',
      'response 0',
      'response 1',
      'response 2',
      'call',
    ]);
  });

  for (const [algorithm, name] of [
    [grpc.compressionAlgorithms.gzip, 'gzip'],
    [grpc.compressionAlgorithms.deflate, 'deflate'],
  ] as const)
    it(`decodes messages that are compressed with ${name}`, async () => {
      const options = { 'grpc.default_compression_algorithm': algorithm };
      const { client, sidecar } = await startChain(stage, 'both', {}, options);
      const tap = await startTap(stage, sidecar, '?messages=true');
      await login(client);
      const [{ request: sent }] = await tap.calls(1);
      expect(sent.headers).to.deep.include(['grpc-encoding', name]);
      expect((sent.messages![0] as { json: unknown }).json).to.deep.equal(shownAnn);
    });

  it('decodes by a descriptor set that the reader gives', async () => {
    const { client, sidecar } = await startChain(stage, 'none');
    const body = message(...[...accountFiles.values()].map((file) => part(1, file)));
    const tap = await startTap(stage, sidecar, '?messages=true', { body });
    await login(client);
    const [{ request: sent }] = await tap.calls(1);
    expect((sent.messages![0] as { json: unknown }).json).to.deep.equal(shownAnn);
  });

  it('says once why messages of a service are not decoded', async () => {
    const { client, sidecar, address } = await startChain(stage, 'none');
    const tap = await startTap(stage, sidecar, '?messages=true');
    await login(client);
    await login(client);
    const calls = await tap.calls(2);
    expect(tap.events.filter(({ event }) => event === 'problem')).to.deep.equal([
      {
        event: 'problem',
        text: `messages of outrigger.test.Account/Login are not decoded: ${address} does not offer the reflection service (grpc.reflection.v1 or v1alpha); give descriptors with --proto or --descriptor-set`,
      },
    ]);
    const [first] = calls[0].request.messages as Array<ShownMessage & { problem: string }>;
    expect(first.problem).to.equal('was not decoded: descriptors of its type are not available');
  });
});

describe('tap of messages, where the reflection service lies', () => {
  const stage = rig();
  const files = (...bytes: Buffer[]): Buffer => part(4, message(...bytes.map((one) => part(1, one))));
  const named = (name: string, ...more: Buffer[]): Buffer => message(part(1, name), ...more);
  let number = 0;
  /** A file that imports the next one. */
  const next = (...more: Buffer[]): Buffer => named(`${++number}`, part(3, `${number + 1}`), ...more);
  const refusal = message(Buffer.of(1 << 3, 7), part(2, 'no\u001b[2J'));
  for (const [what, answer, said] of [
    ['describes another service', () => files(named('f.proto')), ''],
    [
      'sends bytes that are no answer',
      () => Buffer.from('\x0a\x50abc'),
      'an invalid answer: the message ends inside',
    ],
    [
      'sends bytes that are no definition',
      () => files(Buffer.from('\x0a\x50abc')),
      'a .proto file is malformed',
    ],
    ['sends too much', () => files(next(part(99, Buffer.alloc(1_500_000)))), 'sent more than 4194304 bytes'],
    ['imports without end', () => files(next()), 'bounded'],
    ['answers with an error', () => part(7, refusal), 'the reflection service answered: no\\u001b[2J'],
  ] as const)
    it(`goes on where the reflection service ${what}`, async () => {
      const { client, sidecar } = await startChain(stage, answer);
      const tap = await startTap(stage, sidecar, '?messages=true');
      expect(await login(client)).to.include({ nextPageToken: 'page-2' });
      const [call] = await tap.calls(1);
      expect(call.request.messages![0]).to.have.property('problem');
      if (said === 'bounded')
        // Which of both it is depends on the machine.
        expect((await tap.event('problem')).text).to.match(
          /have more than 2000 files|did not answer .* within 5 s/,
        );
      else if (said !== '') expect((await tap.event('problem')).text).to.contain(said);
      expect(await login(client)).to.include({ nextPageToken: 'page-2' });
    });
});

describe('tap of live calls', () => {
  const stage = rig();

  it('loses calls and not time where its reader does not read', async () => {
    const { client, sidecar } = await startChain(stage);
    const tap = await startTap(stage, sidecar, '?rate=1000');
    tap.pause();
    const metadata = new grpc.Metadata();
    for (let i = 0; i < 40; i++) metadata.set(`x-filler-${i}`, 'y'.repeat(900));
    let ended = 0;
    const call = (): Promise<void> =>
      new Promise((resolve) => {
        client.login(ann, metadata, () => {
          ended++;
          resolve();
        });
      });
    // Until the sockets between them are full, which depends on the system.
    await until(
      async () => {
        await Promise.all(Array.from({ length: 50 }, call));
        return ended >= 400;
      },
      () => `${ended} calls ended`,
    );
    tap.resume();
    const lost = await tap.event('not_shown');
    expect(lost.text).to.match(/^\d+ calls? not shown: /);
    // A call of now is shown again.
    const before = (await tap.calls(1)).length;
    await until(
      async () => {
        await call();
        return (await tap.calls(1)).length > before;
      },
      () => 'no call is shown any more',
    );
  });

  it('is refused where it is off, and messages where only metadata is allowed', async () => {
    const off = await startChain(stage, 'both', { admin: { listen: '127.0.0.1:0', tap: { show: 'none' } } });
    const refused = await openTap(off.sidecar.adminUrl);
    expect([refused.status, refused.text]).to.deep.equal([
      403,
      'tap is off: admin.tap.show is "none" in the configuration\n',
    ]);
    const metadata = await startChain(stage, 'both', {
      admin: { listen: '127.0.0.1:0', tap: { show: 'metadata' } },
    });
    const tap = await openTap(metadata.sidecar.adminUrl, '?messages=true');
    expect(tap.status).to.equal(403);
  });

  it('is refused with the reason where the filter or the descriptor set is malformed', async () => {
    const { sidecar } = await startChain(stage);
    const wrong = await openTap(sidecar.adminUrl, '?status=UNAVAILBLE');
    expect([wrong.status, wrong.text]).to.deep.equal([
      400,
      'status "UNAVAILBLE" is no status; did you mean UNAVAILABLE?\n',
    ]);
    const unused = await openTap(sidecar.adminUrl, '', { body: Buffer.from('x') });
    expect([unused.status, unused.text]).to.deep.equal([
      400,
      'a descriptor set is for messages; add messages=true\n',
    ]);
    const large = await openTap(sidecar.adminUrl, '?messages=true', { body: Buffer.alloc((4 << 20) + 1) });
    expect(large.status).to.equal(413);
  });

  it('is refused to a page of another site, which could hold the taps of others', async () => {
    const { sidecar } = await startChain(stage);
    const refused = await openTap(sidecar.adminUrl, '', { headers: { 'sec-fetch-site': 'cross-site' } });
    expect([refused.status, refused.text]).to.deep.equal([
      403,
      'The request was sent by a page of another site (Sec-Fetch-Site); only a page of this admin server may open a stream.\n',
    ]);
    const own = await startTap(stage, sidecar, '', { headers: { 'sec-fetch-site': 'same-origin' } });
    expect(own.status).to.equal(200);
  });

  it('speaks server-sent events to browsers', async () => {
    const { client, sidecar } = await startChain(stage);
    const tap = await startTap(stage, sidecar, '', { headers: { accept: 'text/event-stream' } });
    expect(tap.type).to.equal('text/event-stream');
    await login(client, { ...ann, email: 'fail@b' });
    expect((await tap.calls(1))[0]).to.include({ status: 'NOT_FOUND', message: 'no such user' });
    expect(tap.text).to.match(/^event: tap\ndata: \{.*\}\n\n/);
  });

  it('ends, and says so, when the sidecar stops', async () => {
    const { sidecar } = await startChain(stage);
    const tap = await startTap(stage, sidecar, '?messages=true');
    await sidecar.stop();
    expect((await tap.event('end')).reason).to.equal('stopping');
    await until(
      () => tap.ended,
      () => 'the stream is open',
    );
  });

  it('shows no messages to other machines without a credential', async () => {
    const server = await startAccountServer('v1');
    stage.defer(() => server.kill());
    const sidecar = await stage.sidecar(greeterConfig([server]), { isLocalPeer: () => false });
    const refused = await openTap(sidecar.adminUrl, '?messages=true');
    expect(refused.status).to.equal(403);
    expect(refused.text).to.contain('a request of another machine may see no messages here; set admin.token');
    const posted = await openTap(sidecar.adminUrl, '', { body: Buffer.alloc(100_000) });
    expect(posted.status, 'nor is its body kept').to.equal(413);
    const tap = await startTap(stage, sidecar);
    expect(tap.status).to.equal(200);
  });

  it('answers HEAD with the type alone', async () => {
    const { sidecar } = await startChain(stage);
    const type = await new Promise((resolve, reject) => {
      const asking = request(`${sidecar.adminUrl}/tap`, { method: 'HEAD', agent: false }, (response) => {
        response.resume();
        resolve(response.headers['content-type']);
      });
      asking.on('error', reject);
      asking.end();
    });
    expect(type).to.equal('application/x-ndjson; charset=utf-8');
  });
});
