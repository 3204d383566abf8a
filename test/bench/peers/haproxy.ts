import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { isInstalled } from '../machine.ts';
import type { Protocol } from '../scenarios.ts';
import type { Peer, Ports } from './peer.ts';

/** HAProxy for each protocol, with TLS and without. */
export const haproxy: readonly Peer[] = [
  make('grpc', false),
  make('grpc', true),
  make('http1', false),
  make('http1', true),
  make('tcp', false),
];

const alpn = { grpc: 'h2', http1: 'http/1.1', tcp: '' };

function make(protocol: Protocol, tls: boolean): Peer {
  return {
    name: 'HAProxy',
    protocol,
    ...(tls && { tls }),
    missing: () => (isInstalled('haproxy') ? '' : 'haproxy is not installed (Debian package haproxy)'),
    version: () =>
      /version ([\d.]+)/.exec(spawnSync('haproxy', ['-v'], { encoding: 'utf8' }).stdout)?.[1] ?? '?',
    prepare(dir, ports) {
      const both = `${dir}/both.pem`;
      // HAProxy wants certificate and key in one file.
      if (tls) writeFileSync(both, readFileSync(ports.cert, 'utf8') + readFileSync(ports.key, 'utf8'));
      writeFileSync(`${dir}/haproxy.cfg`, configuration(protocol, tls ? both : null, ports));
      return { command: ['haproxy', '-db', '-q', '-f', `${dir}/haproxy.cfg`] };
    },
  };
}

/** `both` is the file with certificate and key, or null without TLS. */
function configuration(protocol: Protocol, both: string | null, ports: Ports): string {
  const cleartext = protocol === 'grpc' ? 'proto h2' : '';
  const bind = both === null ? cleartext : `ssl crt ${both} alpn ${alpn[protocol]}`;
  const server =
    both === null
      ? cleartext
      : `ssl verify required ca-file ${ports.cert} crt ${both} alpn ${alpn[protocol]}`;
  // Sixteen hex digits per `rand,hex` (an integer of 64 bits), so three make both ids.
  const traced = 'http-request set-header traceparent 00-%[rand,hex]%[rand,hex]-%[rand,hex]-01';
  const forwarded = `option forwardfor
  http-request set-header x-forwarded-proto ${both === null ? 'http' : 'https'}`;
  const rules = { grpc: traced, http1: `${traced}\n  ${forwarded}`, tcp: '' };
  return `global
  nbthread 1
  maxconn 4096
  tune.h2.max-concurrent-streams 1000
  tune.h2.initial-window-size 1048576
defaults
  mode ${protocol === 'tcp' ? 'tcp' : 'http'}
  timeout connect 5s
  timeout client 1d
  timeout server 1d
frontend in
  bind 127.0.0.1:${ports.listen} ${bind}
  ${rules[protocol]}
  default_backend replicas
backend replicas
  balance leastconn
  ${protocol === 'tcp' ? '' : 'http-reuse always'}
  ${ports.replicas.map((port, i) => `server r${i} 127.0.0.1:${port} ${server}`).join('\n  ')}
`;
}
