import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { isInstalled } from '../machine.ts';
import type { Peer } from './peer.ts';

/** Caddy: reverse_proxy over h2c, least_conn. Its unique value is a UUID with its hyphens. */
export const caddy: Peer = {
  name: 'Caddy',
  protocol: 'grpc',
  missing: () => (isInstalled('caddy') ? '' : 'caddy is not installed (Debian package caddy)'),
  version: () => spawnSync('caddy', ['version'], { encoding: 'utf8' }).stdout.trim().split(' ')[0],
  prepare(dir, ports) {
    writeFileSync(
      `${dir}/Caddyfile`,
      `{
  admin off
  auto_https off
  log {
    level ERROR
  }
  servers {
    protocols h1 h2c
  }
}
http://127.0.0.1:${ports.listen} {
  bind 127.0.0.1
  reverse_proxy ${ports.replicas.map((port) => `h2c://127.0.0.1:${port}`).join(' ')} {
    lb_policy least_conn
    flush_interval -1
    header_up traceparent 00-{http.request.uuid}-01
  }
}
`,
    );
    const env = { GOMAXPROCS: '1', HOME: dir, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir };
    return { command: ['caddy', 'run', '--config', `${dir}/Caddyfile`, '--adapter', 'caddyfile'], env };
  },
};
