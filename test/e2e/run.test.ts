import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import { type Program, startProgram } from '../support/sidecar.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

describe('run without a configuration file', () => {
  const { greeter, client: grpcClient, defer } = rig();

  async function running(args: readonly string[], env: Record<string, string> = {}) {
    const program: Program = startProgram(['run', ...args], env);
    defer(async () => {
      program.signal('SIGKILL');
      await program.exit;
    });
    const [, adminUrl] = await program.said(/admin page url=(http:\S+)\//);
    const [, target] = await program.said(/listening listener=\S+ address=(\S+)/);
    await until(
      async () => (await fetch(`${adminUrl}/ready`)).status === 200,
      () => program.stderr,
    );
    return { program, target, adminUrl };
  }

  it('--from and --to are enough: balanced by weight, ended by SIGTERM with 0', async () => {
    const [a, b] = [await greeter({ delayMs: 3 }), await greeter({ delayMs: 3 })];
    const { program, target } = await running([
      ...[
        '--from',
        '127.0.0.1:0',
        '--to',
        a.address,
        '--to',
        `${b.address};weight=3`,
        '--admin',
        '127.0.0.1:0',
        '--drain-delay',
        '0s',
      ],
    ]);
    const client = grpcClient(target);
    for (let i = 0; i < 25; i++) {
      const results = await Promise.all(Array.from({ length: 16 }, () => client.sayHello('x')));
      for (const { code } of results) expect(code).to.equal(grpc.status.OK);
    }
    expect(a.calls + b.calls).to.equal(400);
    expect(a.calls).to.be.closeTo(100, 20);
    client.close();
    program.signal('SIGTERM');
    expect(await program.exit).to.equal(0);
    expect(program.stdout).to.equal('');
  });

  it('the environment says it as well, and --to may be a DNS name', async () => {
    const replica = await greeter();
    const { target } = await running([], {
      OUTRIGGER_FROM: '127.0.0.1:0',
      OUTRIGGER_TO: `dns:///localhost:${replica.port}`,
      OUTRIGGER_ADMIN: '127.0.0.1:0',
      OUTRIGGER_LOG_LEVEL: 'info',
    });
    expect((await grpcClient(target).sayHello('x')).code).to.equal(grpc.status.OK);
  });
});

describe('what the program prints of its arguments and files', function () {
  this.timeout(20_000);

  for (const [what, args] of [
    ['an unknown flag', ['run', '--\u001b[31m\u009b\u202e']],
    ['an unknown command', ['\u001b[2J\u0085']],
    ['the name of a file', ['validate', '--config', '/no/\u001b]0;title\u0007\u2028file']],
    ['a value', ['run', '--from', '127.0.0.1:0', '--to', 'a\u007f\u009bb']],
    ['JSON', ['validate', '-o', 'json', '--config', '/no/\u009b\u202efile']],
  ] as const) {
    it(`controls no terminal: ${what}`, async () => {
      const program = startProgram(args);
      expect(await program.exit).to.equal(2);
      const printed = program.stdout + program.stderr;
      expect(printed).to.match(/^[\x20-\x7e\n…]+$/);
    });
  }
});
