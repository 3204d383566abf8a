import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { isInstalled } from '../machine.ts';
import type { Protocol } from '../scenarios.ts';
import type { Peer, Ports } from './peer.ts';

/** nginx for each protocol, with TLS and without. Its trace id is new per call; it has nothing cheap for a new span id. */
export const nginx: readonly Peer[] = [
  make('grpc', false),
  make('grpc', true),
  make('http1', false),
  make('http1', true),
  make('tcp', false),
];

function make(protocol: Protocol, tls: boolean): Peer {
  return {
    name: 'nginx',
    protocol,
    ...(tls && { tls }),
    missing: () => {
      if (!isInstalled('nginx')) return 'nginx is not installed (Debian package nginx)';
      if (protocol !== 'tcp' || streamModule() !== null) return '';
      return 'nginx has no stream module (Debian package libnginx-mod-stream)';
    },
    version: () => /nginx\/([\d.]+)/.exec(description())?.[1] ?? '?',
    prepare(dir, ports) {
      mkdirSync(`${dir}/tmp`, { recursive: true });
      writeFileSync(
        `${dir}/nginx.conf`,
        `${protocol === 'tcp' ? streamModule() : ''}
daemon off;
pid ${dir}/nginx.pid;
error_log stderr error;
worker_processes 1;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 4096; }
${protocol === 'tcp' ? stream(ports) : http(protocol, tls, dir, ports)}
`,
      );
      return { command: ['nginx', '-p', dir, '-e', 'stderr', '-c', `${dir}/nginx.conf`] };
    },
  };
}

/** Its version and how it was configured. */
function description(): string {
  return spawnSync('nginx', ['-V'], { encoding: 'utf8' }).stderr;
}

/** The directive that loads the stream module, '' where it is built in, null where there is none. */
function streamModule(): string | null {
  const built = description();
  if (/--with-stream(?!=|_)/.test(built)) return '';
  const file = `${/--modules-path=(\S+)/.exec(built)?.[1] ?? ''}/ngx_stream_module.so`;
  return existsSync(file) ? `load_module ${file};` : null;
}

function servers({ replicas }: Ports): string {
  return replicas.map((port) => `server 127.0.0.1:${port} max_fails=0;`).join('\n    ');
}

function stream(ports: Ports): string {
  return `stream {
  upstream replicas {
    least_conn;
    ${servers(ports)}
  }
  server {
    listen 127.0.0.1:${ports.listen};
    proxy_pass replicas;
    proxy_timeout 1d;
  }
}`;
}

function http(protocol: 'grpc' | 'http1', tls: boolean, dir: string, ports: Ports): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const listen = [`127.0.0.1:${ports.listen}`, tls ? 'ssl' : '', protocol === 'grpc' ? 'http2' : ''];
  return `http {
  access_log off;
  ${temporary.map((kind) => `${kind}_temp_path ${dir}/tmp/${kind};`).join('\n  ')}
  client_max_body_size 0;
  keepalive_requests 1000000000;
  keepalive_timeout 1d;
  http2_max_concurrent_streams 1000;
  http2_recv_buffer_size 1m;
  upstream replicas {
    least_conn;
    ${servers(ports)}
    keepalive 256;
    keepalive_requests 1000000000;
    keepalive_timeout 1d;
  }
  server {
    listen ${listen.join(' ')};
    ${tls ? `ssl_certificate ${ports.cert};\n    ssl_certificate_key ${ports.key};\n    ssl_protocols TLSv1.2 TLSv1.3;` : ''}
    location / {
      ${protocol === 'grpc' ? grpcPass(tls) : proxyPass(tls)}
      ${tls ? upstreamTls(protocol === 'grpc' ? 'grpc' : 'proxy', ports) : ''}
    }
  }
}`;
}

function upstreamTls(prefix: string, { cert, key }: Ports): string {
  return `${prefix}_ssl_certificate ${cert};
      ${prefix}_ssl_certificate_key ${key};
      ${prefix}_ssl_trusted_certificate ${cert};
      ${prefix}_ssl_name localhost;
      ${prefix}_ssl_verify on;
      ${prefix}_ssl_protocols TLSv1.2 TLSv1.3;`;
}

function grpcPass(tls: boolean): string {
  return `grpc_read_timeout 1d;
      grpc_send_timeout 1d;
      grpc_set_header traceparent 00-$request_id-00f067aa0ba902b7-01;
      grpc_pass grpc${tls ? 's' : ''}://replicas;`;
}

function proxyPass(tls: boolean): string {
  return `proxy_read_timeout 1d;
      proxy_send_timeout 1d;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header traceparent 00-$request_id-00f067aa0ba902b7-01;
      proxy_pass http${tls ? 's' : ''}://replicas;`;
}
