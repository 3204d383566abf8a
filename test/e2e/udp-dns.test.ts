import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { freePorts } from '../support/free-ports.ts';
import { until } from '../support/until.ts';
import { startReloadable } from './reloadable.ts';
import { rig } from './rig.ts';

const run = promisify(execFile);

/** Why the servers cannot be had here; undefined if they can. In CI a missing program is a failure instead. */
function dnsMissing(): string | undefined {
  const missing = ['dnsmasq', 'dig'].filter((name) => spawnSync('which', [name]).status !== 0);
  if (missing.length === 0) return undefined;
  const why = `${missing.join(' and ')} missing: apt-get install -y dnsmasq-base bind9-dnsutils`;
  if (process.env.CI === 'true') throw new Error(why);
  return why;
}

/** Clients that ask at the same time, one question each. */
const clientsMax = 4;

/** Whether no socket has the UDP port of loopback. */
async function isUnused(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  const bound = once(socket, 'listening').then(
    () => true,
    () => false,
  );
  socket.bind({ port, address: '127.0.0.1', exclusive: true });
  const unused = await bound;
  const closed = once(socket, 'close');
  socket.close();
  await closed;
  return unused;
}

interface DnsReplica {
  readonly address: string;
  readonly kill: () => Promise<void>;
}

/** Real servers and real clients: what they do with ports, ids and retries is theirs. */
describe('UDP: dnsmasq and dig', function () {
  this.timeout(120_000);
  const { sidecar, defer } = rig();

  before(function () {
    if (dnsMissing() !== undefined) this.skip();
  });

  async function dnsmasq(name: string, port: number): Promise<DnsReplica> {
    const child: ChildProcess = spawn(
      'dnsmasq',
      [
        '--keep-in-foreground',
        '--conf-file=/dev/null',
        '--pid-file=',
        `--port=${port}`,
        '--listen-address=127.0.0.1',
        '--bind-interfaces',
        '--no-resolv',
        '--no-hosts',
        `--txt-record=replica.test,${name}`,
        '--host-record=service.test,192.0.2.7',
        ...(process.getuid?.() === 0 ? ['--user=root'] : []),
      ],
      { stdio: 'ignore', detached: true },
    );
    const exit = once(child, 'exit');
    // dnsmasq forks, and a child keeps the socket open after it: datagrams would be neither refused nor answered.
    const kill = async (): Promise<void> => {
      if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL');
      await exit;
      await until(
        () => isUnused(port),
        () => `port ${port} is still in use`,
      );
    };
    defer(kill);
    const address = `127.0.0.1:${port}`;
    await until(
      async () => (await dig(address, 'TXT', 'replica.test')) === `"${name}"`,
      () => `dnsmasq on ${port} does not answer`,
    );
    return { address, kill };
  }

  /** One question, sent once: what is lost stays lost. */
  async function dig(server: string, type: string, name: string, ...options: string[]): Promise<string> {
    const [host, port] = server.split(':');
    const arguments_ = [`@${host}`, '-p', port, '+short', '+tries=1', '+time=5', ...options, type, name];
    return (await run('dig', arguments_).catch((error: { stdout: string }) => error)).stdout.trim();
  }

  const shapeOf = (addresses: readonly string[]) => ({
    listeners: [
      { name: 'dns', listen: '127.0.0.1:0', protocol: 'udp', cluster: 'dns', udp: { responses: 1 } },
    ],
    clusters: [
      {
        name: 'dns',
        protocol: 'udp',
        balancer: { policy: 'round_robin' },
        outlier: { baseEjection: '100ms' },
        endpoints: addresses.map((address) => ({ address })),
      },
    ],
  });

  it('answers every question while replicas are killed, return, are added and removed', async () => {
    const first = await freePorts(3);
    const ports = [first, first + 1, first + 2];
    const replicas = [await dnsmasq('a', ports[0]), await dnsmasq('b', ports[1])];
    const { proxy, reload } = await startReloadable(sidecar, shapeOf(replicas.map(({ address }) => address)));
    const target = proxy.target();
    const names = new Map<string, number>();
    const lost: string[] = [];
    let phase = 'start';
    let over = false;
    const clients = Array.from({ length: clientsMax }, async () => {
      while (!over) {
        const began = phase;
        const answer = await dig(target, 'TXT', 'replica.test');
        if (/^"[abc]"$/.test(answer)) names.set(answer, (names.get(answer) ?? 0) + 1);
        else lost.push(`${began}: ${answer}`);
      }
    });
    const answers = async (more: number): Promise<void> => {
      const sum = (): number => [...names.values()].reduce((total, count) => total + count, 0);
      const goal = sum() + more;
      await until(
        () => sum() >= goal || lost.length > clientsMax,
        () => `${sum()} of ${goal} answers`,
      );
    };
    const step = async (name: string, change: () => unknown): Promise<void> => {
      await change();
      phase = name;
      await answers(20);
    };
    await answers(20);
    await step('a killed', () => replicas[0].kill());
    await step('a returns', async () => {
      replicas[0] = await dnsmasq('a', ports[0]);
    });
    await step('c added', async () => {
      replicas.push(await dnsmasq('c', ports[2]));
      await reload(shapeOf(replicas.map(({ address }) => address)));
    });
    await step('b removed', () => reload(shapeOf([replicas[0].address, replicas[2].address])));
    await step('b killed', () => replicas[1].kill());
    await step('c drained', () => proxy.cluster().drainEndpoint(replicas[2].address, true));
    over = true;
    await Promise.all(clients);
    // A process that is killed takes the questions with it that it holds. None is lost that came later.
    expect(lost.filter((one) => !one.startsWith('start:'))).to.deep.equal([]);
    expect(lost.length).to.be.at.most(clientsMax);
    expect([...names.keys()].sort()).to.deep.equal(['"a"', '"b"', '"c"']);
    expect(proxy.log.join('')).not.to.contain('dropped');
  });

  it('passes answers of several kilobytes and addresses on as they are', async () => {
    const port = await freePorts(1);
    const replica = await dnsmasq('a'.repeat(200), port);
    const proxy = await sidecar(shapeOf([replica.address]));
    for (const question of [
      ['A', 'service.test'],
      ['TXT', 'replica.test', '+bufsize=4096'],
      ['A', 'unknown.test'],
    ])
      expect(await dig(proxy.target(), question[0], question[1], ...question.slice(2))).to.equal(
        await dig(replica.address, question[0], question[1], ...question.slice(2)),
      );
    expect(await dig(proxy.target(), 'A', 'service.test')).to.equal('192.0.2.7');
  });
});
