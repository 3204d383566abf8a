import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { freeAddresses } from '../support/sidecar-process.ts';
import { until } from './checks.ts';

export interface Member {
  readonly name: string;
  /** `host:port` for clients. */
  readonly address: string;
  leads(): Promise<boolean>;
  start(): void;
  /** As a crash does. */
  kill(): Promise<void>;
}

const startPatienceMs = 30_000;
const commandTimeoutMs = 20_000;

/** A three-member cluster on loopback with its data below `dir`; resolves once it takes writes. */
export async function startEtcd(dir: string): Promise<Member[]> {
  const names = ['m1', 'm2', 'm3'];
  const addresses = await freeAddresses(names.length * 2);
  const peers = addresses.slice(names.length);
  const initialCluster = names.map((name, i) => `${name}=http://${peers[i]}`).join(',');
  const members = names.map((name, i) =>
    startMember(name, addresses[i], peers[i], initialCluster, `${dir}/${name}`),
  );
  for (const member of members) member.start();
  // Its exit code tells: 0 when every member has committed something.
  const health = () => etcdctl(members[0].address, ['endpoint', 'health', '--cluster']);
  await until('the etcd cluster serves', startPatienceMs, () =>
    health().then(
      () => true,
      () => false,
    ),
  );
  return members;
}

function startMember(
  name: string,
  address: string,
  peer: string,
  initialCluster: string,
  dataDir: string,
): Member {
  let child: ChildProcess | null = null;
  const args = [
    ...['--name', name, '--data-dir', dataDir, '--log-level', 'error', '--logger', 'zap'],
    ...['--listen-client-urls', `http://${address}`, '--advertise-client-urls', `http://${address}`],
    ...['--listen-peer-urls', `http://${peer}`, '--initial-advertise-peer-urls', `http://${peer}`],
    ...[
      '--initial-cluster',
      initialCluster,
      '--initial-cluster-state',
      'new',
      '--initial-cluster-token',
      'outrigger',
    ],
  ];
  process.once('exit', () => child?.kill('SIGKILL'));
  return {
    name,
    address,
    leads: async () => {
      const status = JSON.parse(
        await etcdctl(address, ['endpoint', 'status', '-w', 'json']),
      ) as MemberStatus[];
      return status[0].Status.header.member_id === status[0].Status.leader;
    },
    start: () => {
      child = spawn('etcd', args, { stdio: 'ignore' });
    },
    kill: async () => {
      const dying = child;
      child = null;
      if (dying === null) return;
      const gone = once(dying, 'exit');
      dying.kill('SIGKILL');
      await gone;
    },
  };
}

interface MemberStatus {
  readonly Status: { readonly header: { readonly member_id: number }; readonly leader: number };
}

/** A member that does not lead, so that its end starts no election. */
export async function aFollower(members: readonly Member[]): Promise<Member> {
  for (const member of members) if (!(await member.leads())) return member;
  throw new Error('every member leads');
}

/** Runs etcdctl against one address; rejects with what it says on failure. */
export function etcdctl(address: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env: etcdEnv, timeout: commandTimeoutMs, maxBuffer: 16 << 20 };
    const child = execFile(
      'etcdctl',
      [`--endpoints=${address}`, ...args],
      options,
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`etcdctl ${args[0]}: ${stderr.trim() || error.message}`));
      },
    );
    child.stdin?.end(input);
  });
}

/** Without the ETCDCTL_… of whoever runs this, and without a proxy for loopback. */
export const etcdEnv = { PATH: process.env.PATH, HOME: process.env.HOME, ETCDCTL_API: '3' };
