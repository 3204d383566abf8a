import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import { type Program, startProgram } from '../support/sidecar.ts';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from '../support/until.ts';
import { rig } from './rig.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** What a client of a debugger there would meet: 'open', or how the port refused. */
async function portState(address: string): Promise<string> {
  const socket = connect(Number(address.split(':')[1]), '127.0.0.1');
  try {
    await once(socket, 'connect');
    return 'open';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    socket.destroy();
  }
}

/** Whether a process has a handler for a signal, by its number. */
function catches(pid: number, signal: number): boolean {
  const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${caught}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

describe('signals', function () {
  this.timeout(30_000);
  const { greeter, client: grpcClient, defer } = rig();

  function started(args: readonly string[], env: Record<string, string> = {}): Program {
    const program = startProgram(args, env);
    defer(async () => {
      program.signal('SIGKILL');
      await program.exit;
    });
    return program;
  }

  async function running(to: string, more: readonly string[] = [], env: Record<string, string> = {}) {
    const ports = ['--from', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--drain-delay', '0s'];
    const program = started(['run', ...ports, '--to', to, ...more], env);
    const [, adminUrl] = await program.said(/admin page url=(http:\S+)\//);
    const [, target] = await program.said(/listening listener=\S+ address=(\S+)/);
    await until(
      async () => (await fetch(`${adminUrl}/ready`)).status === 200,
      () => program.stderr,
    );
    return { program, target };
  }

  it('SIGUSR1 reopens the access log under load: no line is lost or torn, and no debugger opens', async () => {
    const replica = await greeter();
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-signals-'));
    defer(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'access.log');
    const [debugAddress] = await freeAddresses(1);
    const { program, target } = await running(replica.address, ['--access-log', `file:${path}`], {
      NODE_OPTIONS: `--inspect-port=${debugAddress}`,
    });
    const client = grpcClient(target);
    const rounds = 4;
    for (let round = 0; round < rounds; round++) {
      const calls = Promise.all(Array.from({ length: 50 }, () => client.sayHello('x')));
      renameSync(path, `${path}.${round}`);
      program.signal('SIGUSR1');
      for (const { code } of await calls) expect(code).to.equal(status.OK);
      await until(
        () => existsSync(path),
        () => program.stderr,
      );
      expect((await client.sayHello('x')).code).to.equal(status.OK);
    }
    await program.said(/log file reopened file=\S+access\.log/);
    expect(await portState(debugAddress), program.stderr).to.equal('ECONNREFUSED');
    program.signal('SIGQUIT');
    expect(await program.exit).to.equal(0);
    expect(program.stderr).not.to.match(/debugger/i);
    const lines = readdirSync(folder).flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'));
    const calls = lines.filter((line) => line !== '').map((line) => JSON.parse(line));
    expect(calls).to.have.length(rounds * 51);
    expect(readFileSync(path, 'utf8'), 'the last call is in the newest file').to.match(/\n$/);
  });

  it('SIGUSR1 reopens the access log with the flags of the container image and of npm as well', async () => {
    const text = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
    // The first line of the program in the image, which is what the entry point runs.
    const image = /1s\|\^#!\.\*\|#!(\S+.*?)\|' dist\/main\.js/.exec(text('docker/Dockerfile'))?.[1] ?? '';
    const script = JSON.parse(text('package.json')).scripts.outrigger as string;
    for (const words of [[...image.split(' '), 'dist/main.js'], script.split(' ')]) {
      expect(words[0]).to.match(/(^|\/)node$/);
      const folder = mkdtempSync(join(tmpdir(), 'outrigger-signals-'));
      defer(() => rmSync(folder, { recursive: true }));
      const program = await withLog(join(folder, 'access.log'), words.slice(1, -1).join(' '));
      program.signal('SIGUSR1');
      await program.said(/log file reopened file=\S+access\.log/);
    }
  });

  it('warns where a flag of Node blocks SIGUSR1, and SIGHUP reopens the log then', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-signals-'));
    defer(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'access.log');
    const program = await withLog(path, '--disable-sigusr1');
    await program.said(/Node blocks SIGUSR1 \(--disable-sigusr1\); send SIGHUP/);
    renameSync(path, `${path}.1`);
    program.signal('SIGHUP');
    await until(
      () => existsSync(path),
      () => program.stderr,
    );
  });

  it('SIGTERM ends it though nobody reads its access log, a named pipe or standard output', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'outrigger-signals-'));
    defer(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const replica = await greeter();
    for (const to of [`file:${path}`, 'stdout']) {
      const { program, target } = await running(replica.address, ['--access-log', to]);
      program.pauseStdout();
      const client = grpcClient(target);
      // More than a pipe and the socket of a child process hold.
      for (let i = 0; i < 30; i++) await Promise.all(Array.from({ length: 50 }, () => client.sayHello('x')));
      program.signal('SIGTERM');
      expect(await program.exit, to).to.equal(0);
    }
  });

  async function withLog(path: string, nodeOptions: string): Promise<Program> {
    const replica = await greeter();
    const { program } = await running(replica.address, ['--access-log', `file:${path}`], {
      NODE_OPTIONS: nodeOptions,
    });
    return program;
  }

  for (const signal of ['SIGQUIT', 'SIGTERM', 'SIGINT'] as const) {
    it(`${signal} lets calls in flight finish and ends with 0, though it comes twice at once`, async () => {
      const replica = await greeter({ delayMs: 500 });
      const { program, target } = await running(replica.address);
      const client = grpcClient(target);
      const call = client.sayHello('x');
      await until(
        () => replica.active === 1,
        () => 'the call has not begun',
      );
      program.signal(signal);
      await program.said(/draining/);
      program.signal(signal);
      program.signal('SIGTERM');
      expect((await call).code).to.equal(status.OK);
      expect(await program.exit).to.equal(0);
    });
  }

  it('a second one a second later ends the drain: the calls left get UNAVAILABLE, and it ends with 1', async () => {
    const replica = await greeter();
    const { program, target } = await running(replica.address, ['--drain-grace', '1h']);
    const held = grpcClient(target).unary({ options: { hold: true } });
    await until(
      () => replica.active === 1,
      () => 'the call has not begun',
    );
    program.signal('SIGQUIT');
    await program.said(/draining/);
    await new Promise((resolve) => setTimeout(resolve, 1100)); // judged by the program's clock
    program.signal('SIGINT');
    expect(await held).to.include({ code: status.UNAVAILABLE });
    expect(await program.exit).to.equal(1);
    expect(program.stderr).to.match(/second stop signal: the grace period ends now/);
  });

  it('SIGUSR1 in the moment in which Node still takes it for itself: no debugger is left open', async function () {
    if (process.platform !== 'linux') this.skip(); // elsewhere nobody shows when Node takes the signal
    const [debugAddress] = await freeAddresses(1);
    const args = [
      'run',
      '--from',
      '127.0.0.1:0',
      '--admin',
      '127.0.0.1:0',
      '--to',
      '127.0.0.1:1',
      '--drain-delay',
      '0s',
    ];
    const program = started(args, { NODE_OPTIONS: `--inspect-port=${debugAddress}` });
    await until(
      () => catches(program.pid, 10),
      () => program.stderr,
    );
    program.signal('SIGUSR1');
    await program.said(/admin page url/);
    expect(await portState(debugAddress), program.stderr).to.equal('ECONNREFUSED');
    program.signal('SIGQUIT');
    expect(await program.exit, program.stderr).to.equal(0);
  });

  it('SIGUSR1 does nothing to a command that waits', async () => {
    let asked = 0;
    const sidecar = createServer((_request, response) => {
      asked++;
      response.writeHead(503, { 'content-type': 'application/json' }).end('{"ready":false,"reasons":["x"]}');
    }).listen(0, '127.0.0.1');
    await once(sidecar, 'listening');
    defer(() => {
      sidecar.closeAllConnections();
      sidecar.close();
    });
    const [debugAddress] = await freeAddresses(1);
    const admin = `127.0.0.1:${(sidecar.address() as AddressInfo).port}`;
    const program = started(['ready', '--wait', '--timeout', '1h', '--admin', admin], {
      NODE_OPTIONS: `--inspect-port=${debugAddress}`,
    });
    const polls = (more: number) => {
      const target = asked + more;
      return until(
        () => asked >= target,
        () => `asked ${asked} times; ${program.stderr}`,
      );
    };
    await polls(1);
    program.signal('SIGUSR1');
    await polls(3);
    expect(await portState(debugAddress), program.stderr).to.equal('ECONNREFUSED');
    expect(program.exited).to.equal(false);
    program.signal('SIGTERM');
    expect(await program.exit).to.equal(143);
  });

  it('one that comes while it still starts ends it with 0', async () => {
    const args = [
      'run',
      '--from',
      '127.0.0.1:0',
      '--admin',
      '127.0.0.1:0',
      '--to',
      '127.0.0.1:1',
      '--drain-delay',
      '0s',
    ];
    const program = started([...args, '--log-level', 'debug']);
    await program.said(/listening/);
    program.signal('SIGQUIT');
    expect(await program.exit, program.stderr).to.equal(0);
  });

  it('a debugger that the user asked for stays', async () => {
    const program = started(
      [
        'run',
        '--from',
        '127.0.0.1:0',
        '--admin',
        '127.0.0.1:0',
        '--to',
        '127.0.0.1:1',
        '--drain-delay',
        '0s',
      ],
      { NODE_OPTIONS: '--inspect=127.0.0.1:0' },
    );
    const [, address] = await program.said(/Debugger listening on ws:\/\/(127\.0\.0\.1:\d+)/);
    await program.said(/admin page url/);
    expect(await portState(address)).to.equal('open');
  });

  it('SIGUSR1 opens none in the demo or its replicas, and SIGQUIT ends the demo with its summary', async () => {
    const [debugAddress] = await freeAddresses(1);
    const demo = spawn(process.execPath, [main, 'demo', '--admin', '127.0.0.1:0'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: `--inspect-port=${debugAddress}` },
    });
    defer(() => demo.kill('SIGKILL'));
    let text = '';
    const hear = (chunk: Buffer): void => {
      text += chunk.toString();
    };
    demo.stdout.on('data', hear);
    demo.stderr.on('data', hear);
    const closed = once(demo, 'close');
    const second = (n: number) =>
      until(
        () => new RegExp(`^ {7}${n} `, 'm').test(text),
        () => text,
        15_000,
      );
    await second(1);
    const replicas = [...text.matchAll(/\(kill (\d+) to see/g)].map(([, pid]) => Number(pid));
    expect(replicas).not.to.be.empty;
    for (const pid of [demo.pid!, ...replicas]) process.kill(pid, 'SIGUSR1');
    await second(2);
    expect(await portState(debugAddress), text).to.equal('ECONNREFUSED');
    for (const pid of replicas) expect(process.kill(pid, 0)).to.equal(true);
    demo.kill('SIGQUIT');
    const [code] = await closed;
    expect([code, text.includes('Summary: ')], text).to.deep.equal([0, true]);
    expect(text).not.to.match(/debugger/i);
  });
});
