import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { isInstalled } from '../machine.ts';
import type { Peer } from './peer.ts';

/** nginx: grpc_pass. Its trace id is new per call; it has nothing cheap for a new span id. */
export const nginx: Peer = {
  name: 'nginx',
  missing: () => (isInstalled('nginx') ? '' : 'nginx is not installed (Debian package nginx)'),
  version: () => /nginx\/([\d.]+)/.exec(spawnSync('nginx', ['-v'], { encoding: 'utf8' }).stderr)?.[1] ?? '?',
  prepare(dir, ports) {
    mkdirSync(`${dir}/tmp`, { recursive: true });
    writeFileSync(
      `${dir}/nginx.conf`,
      `daemon off;
pid ${dir}/nginx.pid;
error_log stderr error;
worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 4096; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${dir}/tmp/${kind};`).join('\n  ')}
  client_max_body_size 0;
  keepalive_requests 1000000000;
  http2_max_concurrent_streams 1000;
  http2_recv_buffer_size 1m;
  grpc_read_timeout 1d;
  grpc_send_timeout 1d;
  upstream replicas {
    least_conn;
    ${ports.replicas.map((port) => `server 127.0.0.1:${port} max_fails=0;`).join('\n    ')}
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${ports.listen} http2;
    location / {
      grpc_set_header traceparent 00-$request_id-00f067aa0ba902b7-01;
      grpc_pass grpc://replicas;
    }
  }
}
`,
    );
    return { command: ['nginx', '-p', dir, '-e', 'stderr', '-c', `${dir}/nginx.conf`] };
  },
};
