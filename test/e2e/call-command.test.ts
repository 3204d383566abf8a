import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { greeterService, protoDir } from '../support/protos.ts';
import {
  addReflection,
  bind,
  fileDescriptors,
  type ReflectionVersions,
} from '../support/reflection-server.ts';
import type { ConfigShape } from '../support/sidecar.ts';
import { startProgram } from '../support/sidecar.ts';
import { runCommand } from '../unit/cli/support.ts';
import { rig } from './rig.ts';

interface Replica {
  readonly name: string;
  readonly address: string;
  readonly seen: grpc.Metadata[];
}

describe('outrigger call', () => {
  const { sidecar, defer } = rig();

  async function replica(name: string, reflection: ReflectionVersions | 'none' = 'both'): Promise<Replica> {
    const server = new grpc.Server();
    const seen: grpc.Metadata[] = [];
    const greet = (request: { name: string }) => ({ message: `Hello ${request.name}`, replica: name });
    server.addService(greeterService, {
      SayHello(call: grpc.ServerUnaryCall<{ name: string }, object>, done: grpc.sendUnaryData<object>) {
        seen.push(call.metadata);
        if (call.request.name === 'nobody') done({ code: grpc.status.NOT_FOUND, details: 'nobody is here' });
        else done(null, greet(call.request));
      },
      SayHelloStreamReply(call: grpc.ServerWritableStream<{ name: string }, object>) {
        for (let i = 0; i < 3; i++) call.write(greet({ name: `${call.request.name} ${i}` }));
        call.end();
      },
      SayHelloBidiStream(call: grpc.ServerDuplexStream<{ name: string }, object>) {
        call.on('data', (request: { name: string }) => call.write(greet(request)));
        call.on('end', () => call.end());
      },
    });
    if (reflection !== 'none') addReflection(server, fileDescriptors('greeter.proto'), reflection);
    defer(() => server.forceShutdown());
    return { name, address: await bind(server), seen };
  }

  async function started(replicas: readonly Replica[], match?: object, admin: object = {}) {
    const running = await sidecar({
      admin: { listen: '127.0.0.1:0', ...admin },
      listeners: [
        {
          name: 'outbound',
          listen: '127.0.0.1:0',
          routes: [{ name: 'all', cluster: 'greeter', ...(match === undefined ? {} : { match }) }],
        },
      ],
      clusters: [
        { name: 'greeter', health: 'none', endpoints: replicas.map(({ address }) => ({ address })) },
      ],
    } as ConfigShape);
    const at = running.app.admin.address;
    const adminAddress = at.kind === 'tcp' ? `127.0.0.1:${at.port}` : '';
    const run = (...args: string[]) => runCommand(['call', ...args, '--admin', adminAddress]);
    return { running, adminAddress, run };
  }

  for (const version of ['v1', 'v1alpha'] as const)
    it(`makes a unary call with the definition of the reflection service ${version}`, async () => {
      const { run } = await started([await replica('a', version)]);
      const { code, out, err } = await run('helloworld.Greeter/SayHello', '-d', '{"name": "Anna"}');
      expect(err).to.match(/^OK \(.+, trace [0-9a-f]{32}\)\n$/);
      expect(JSON.parse(out)).to.deep.equal({ message: 'Hello Anna', replica: 'a' });
      expect(code).to.equal(0);
    });

  it('lists the methods without METHOD', async () => {
    const { run } = await started([await replica('a')]);
    const { out } = await run();
    expect(out.split('\n')).to.deep.equal([
      'helloworld.Greeter/SayHello',
      'helloworld.Greeter/SayHelloStreamReply',
      'helloworld.Greeter/SayHelloBidiStream',
      '',
    ]);
  });

  it('prints each message of a stream, and takes several for a stream of requests', async () => {
    const { run } = await started([await replica('a')]);
    const streamed = await run(
      'helloworld.Greeter/SayHelloStreamReply',
      '-d',
      '{"name": "Anna"}',
      '-o',
      'json',
    );
    const report = JSON.parse(streamed.out);
    expect(report.messages.map(({ message }: { message: string }) => message)).to.deep.equal([
      'Hello Anna 0',
      'Hello Anna 1',
      'Hello Anna 2',
    ]);
    const both = await run(
      'helloworld.Greeter/SayHelloBidiStream',
      '-d',
      '{"name": "a"}\n{"name": "b"}',
      '-o',
      'json',
    );
    expect(JSON.parse(both.out).messages).to.have.length(2);
    const tooMany = await run('helloworld.Greeter/SayHello', '-d', '[{}, {}]');
    expect([tooMany.code, tooMany.err]).to.deep.equal([
      2,
      '-d has 2 messages, and helloworld.Greeter/SayHello takes one; write one JSON object\n',
    ]);
  });

  it('is marked: servers get a header, and the sidecar knows the trace that the command shows', async () => {
    const one = await replica('a');
    const { run, running } = await started([one]);
    const { out } = await run('helloworld.Greeter/SayHello', '-H', 'x-team: orders', '-o', 'json');
    const [metadata] = one.seen;
    expect(metadata.get('x-outrigger-call')[0]).to.match(/^outrigger\//);
    expect(metadata.get('user-agent')[0]).to.match(/^outrigger-call\//);
    expect(metadata.get('x-team')).to.deep.equal(['orders']);
    const calls = running.app.telemetry.recent.recent();
    expect(calls.map(({ traceId }) => String(traceId))).to.include(JSON.parse(out).traceId);
  });

  it('--endpoint reaches each replica, also a drained one, and other calls are balanced meanwhile', async () => {
    const replicas = [await replica('a'), await replica('b')];
    const { run, running, adminAddress } = await started(replicas);
    for (const { name, address } of [...replicas, ...replicas]) {
      const { out } = await run('helloworld.Greeter/SayHello', '--endpoint', address);
      expect(JSON.parse(out).replica).to.equal(name);
    }
    const [call] = running.app.telemetry.recent.recent();
    expect(String(call.attempts[0].pick)).to.include('an operator pinned the call to this endpoint');
    await fetch(`http://${adminAddress}/endpoints/${replicas[1].address}/drain`, { method: 'POST' });
    const drained = await run('helloworld.Greeter/SayHello', '--endpoint', replicas[1].address);
    expect(JSON.parse(drained.out).replica).to.equal('b');
    const balanced = await run('helloworld.Greeter/SayHello');
    expect(JSON.parse(balanced.out).replica).to.equal('a');
    // A header that no pin has given chooses nothing.
    const guessed = await run('helloworld.Greeter/SayHello', '-H', 'x-outrigger-pin: 0123456789');
    expect(JSON.parse(guessed.out).replica).to.equal('a');
    const unknown = await run('helloworld.Greeter/SayHello', '--endpoint', '127.0.0.1:1');
    expect([unknown.code, unknown.err.split(' ')[0]]).to.deep.equal([1, '--endpoint:']);
  });

  it('admin.pinnedCalls: false forbids --endpoint, and nothing else', async () => {
    const one = await replica('a');
    const { run } = await started([one], undefined, { pinnedCalls: false });
    const { code, err } = await run('helloworld.Greeter/SayHello', '--endpoint', one.address);
    expect(code).to.equal(1);
    expect(err).to.include('admin.pinnedCalls');
    expect((await run('helloworld.Greeter/SayHello')).code).to.equal(0);
  });

  it('without reflection it says how, and takes a .proto file', async () => {
    const { run } = await started([await replica('a', 'none')]);
    const { code, err } = await run('helloworld.Greeter/SayHello');
    expect(code).to.equal(1);
    expect(err).to.include('does not offer the reflection service').and.include('--proto FILE');
    const { out } = await run('helloworld.Greeter/SayHello', '--proto', `${protoDir}greeter.proto`);
    expect(JSON.parse(out).message).to.equal('Hello ');
  });

  it('a listener that routes services by name shows that reflection has no route', async () => {
    const { run } = await started([await replica('a')], { grpc: { service: 'helloworld.Greeter' } });
    const { err } = await run('helloworld.Greeter/SayHello');
    expect(err)
      .to.include('no route matches')
      .and.include('write a route with match: { pathPrefix: [/grpc.reflection.v1.');
  });

  const wrong: ReadonlyArray<readonly [readonly string[], number, RegExp]> = [
    [['helloworld.Greeter/SayHelo'], 2, /has no method "SayHelo"; it has SayHello, /],
    [
      ['helloworld.Greter/SayHello'],
      1,
      /no service "helloworld\.Greter"; did you mean "helloworld\.Greeter"\?/,
    ],
    [
      ['helloworld.Greeter/SayHello', '-d', '{"nmae": 1}'],
      2,
      /-d: nmae is not in helloworld\.HelloRequest, did you mean "name"/,
    ],
    [
      ['helloworld.Greeter/SayHello', '--listener', 'outbond'],
      1,
      /no listener "outbond"; did you mean "outbound"\?/,
    ],
    [['helloworld.Greeter/SayHello', '-d', '{"name": "nobody"}'], 1, /^NOT_FOUND: nobody is here \(/],
  ];
  for (const [args, expected, sentence] of wrong)
    it(`${args.slice(0, 3).join(' ')} ends with ${expected}`, async () => {
      const { run } = await started([await replica('a')]);
      const { code, err } = await run(...args);
      expect(err).to.match(sentence);
      expect(code).to.equal(expected);
    });

  it('works as a user runs it', async () => {
    const { adminAddress } = await started([await replica('a')]);
    const program = startProgram([
      'call',
      'helloworld.Greeter/SayHello',
      '-d',
      '{"name": "Anna"}',
      '--admin',
      adminAddress,
    ]);
    expect(await program.exit, program.stderr).to.equal(0);
    expect(program.stdout).to.equal('{\n  "message": "Hello Anna",\n  "replica": "a"\n}\n');
  });
});
