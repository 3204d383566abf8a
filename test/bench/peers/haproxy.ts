import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { isInstalled } from '../machine.ts';
import type { Peer } from './peer.ts';

/** HAProxy: `proto h2`, leastconn. Sixteen hex digits per `rand,hex` (an integer of 64 bits), so three make both ids. */
export const haproxy: Peer = make('HAProxy', false);

export const haproxyTls: Peer = { ...make('HAProxy TLS', true), only: ['c10 m10'], tls: true };

function make(name: string, tls: boolean): Peer {
  return {
    name,
    missing: () => (isInstalled('haproxy') ? '' : 'haproxy is not installed (Debian package haproxy)'),
    version: () =>
      /version ([\d.]+)/.exec(spawnSync('haproxy', ['-v'], { encoding: 'utf8' }).stdout)?.[1] ?? '?',
    prepare(dir, ports) {
      // HAProxy wants certificate and key in one file.
      if (tls)
        writeFileSync(`${dir}/both.pem`, readFileSync(ports.cert, 'utf8') + readFileSync(ports.key, 'utf8'));
      writeFileSync(
        `${dir}/haproxy.cfg`,
        `global
  nbthread 1
  maxconn 4096
  tune.h2.max-concurrent-streams 1000
  tune.h2.initial-window-size 1048576
defaults
  mode http
  timeout connect 5s
  timeout client 1d
  timeout server 1d
frontend in
  bind 127.0.0.1:${ports.listen} ${tls ? `ssl crt ${dir}/both.pem alpn h2` : 'proto h2'}
  http-request set-header traceparent 00-%[rand,hex]%[rand,hex]-%[rand,hex]-01
  default_backend replicas
backend replicas
  balance leastconn
  http-reuse always
  ${ports.replicas.map((port, i) => `server r${i} 127.0.0.1:${port} ${tls ? `ssl verify required ca-file ${ports.cert} crt ${dir}/both.pem alpn h2` : 'proto h2'}`).join('\n  ')}
`,
      );
      return { command: ['haproxy', '-db', '-q', '-f', `${dir}/haproxy.cfg`] };
    },
  };
}
