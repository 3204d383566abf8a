import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { isInstalled } from '../machine.ts';
import type { Peer } from './peer.ts';

const source = fileURLToPath(new URL('./byte-relay.c', import.meta.url));
const folder = `${process.env.XDG_CACHE_HOME ?? `${homedir()}/.cache`}/outrigger/bench`;
const program = `${folder}/byte-relay`;

/** Compiles the relay into the cache folder. False where that cannot be done. */
function built(): boolean {
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return true;
  mkdirSync(folder, { recursive: true });
  return spawnSync('cc', ['-O2', '-o', program, source], { stdio: 'ignore' }).status === 0;
}

/** The floor: bytes to and fro, each connection to the next replica. Nothing that understands a call can cost less. */
export const byteRelay: Peer = {
  name: 'byte relay',
  protocol: 'grpc',
  only: ['c10 m10'],
  missing: () => {
    if (!isInstalled('cc')) return 'there is no C compiler (Debian package gcc)';
    return built() ? '' : `cc could not compile ${source}`;
  },
  version: () => 'in C',
  prepare: (_dir, ports) => ({ command: [program, String(ports.listen), ...ports.replicas.map(String)] }),
};
