import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { isInstalled } from '../bench/machine.ts';
import { until } from '../real/checks.ts';

/** Another proxy, set up to survive a rolling restart as well as its manual says how. */
export interface RolloutPeer {
  readonly name: string;
  missing(): string;
  /** Writes what it needs below `dir` and gives the command. */
  prepare(dir: string, port: number, replicas: readonly string[]): string[];
}

/** Probes every 500 ms, calls that found no connection go elsewhere (`redispatch`), refused streams are tried again. */
const haproxy: RolloutPeer = {
  name: 'HAProxy',
  missing: () => (isInstalled('haproxy') ? '' : 'haproxy is not installed (Debian package haproxy)'),
  prepare(dir, port, replicas) {
    writeFileSync(
      `${dir}/haproxy.cfg`,
      `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 1s
  timeout client 1h
  timeout server 1h
  retries 3
  option redispatch 1
  retry-on conn-failure empty-response response-timeout 0rtt-rejected
frontend in
  bind 127.0.0.1:${port} proto h2
  default_backend replicas
backend replicas
  balance leastconn
  default-server check inter 500ms fall 1 rise 1 observe layer4 error-limit 1 on-error mark-down
  ${replicas.map((address, i) => `server r${i} ${address} proto h2`).join('\n  ')}
`,
    );
    return ['haproxy', '-db', '-q', '-f', `${dir}/haproxy.cfg`];
  },
};

/** Calls whose connection failed go to the next replica, also those that are no GET (`non_idempotent`). */
const nginx: RolloutPeer = {
  name: 'nginx',
  missing: () => (isInstalled('nginx') ? '' : 'nginx is not installed (Debian package nginx)'),
  prepare(dir, port, replicas) {
    mkdirSync(`${dir}/tmp`, { recursive: true });
    const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    writeFileSync(
      `${dir}/nginx.conf`,
      `daemon off;
pid ${dir}/nginx.pid;
error_log /dev/null crit;
worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 4096; }
http {
  access_log off;
  ${kinds.map((kind) => `${kind}_temp_path ${dir}/tmp/${kind};`).join('\n  ')}
  client_max_body_size 0;
  keepalive_requests 1000000000;
  http2_max_concurrent_streams 1000;
  grpc_read_timeout 1h;
  grpc_send_timeout 1h;
  grpc_connect_timeout 1s;
  grpc_next_upstream error timeout non_idempotent;
  upstream replicas {
    least_conn;
    ${replicas.map((address) => `server ${address} max_fails=1 fail_timeout=1s;`).join('\n    ')}
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} http2;
    location / { grpc_pass grpc://replicas; }
  }
}
`,
    );
    return ['nginx', '-p', dir, '-e', '/dev/null', '-c', `${dir}/nginx.conf`];
  },
};

export const rolloutPeers: readonly RolloutPeer[] = [haproxy, nginx];

/** Starts it and waits for its port; what is returned ends it and all that it started. */
export async function startPeer(command: readonly string[], port: number): Promise<() => Promise<void>> {
  const [program, ...args] = command;
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const end = (): void => void child.kill('SIGTERM');
  process.once('exit', end);
  await until(`${program} listens`, 10_000, () => isOpen(port));
  return async () => {
    process.removeListener('exit', end);
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
  };
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** `HAProxy 2.6.12`. */
export function versionOf({ name }: RolloutPeer): string {
  const program = name.toLowerCase();
  const { stdout, stderr } = spawnSync(program, ['-v'], { encoding: 'utf8' });
  return `${name} ${/(\d+\.\d+\.\d+)/.exec(stdout + stderr)?.[1] ?? '?'}`;
}
