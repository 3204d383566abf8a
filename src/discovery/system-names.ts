import { readFile, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { type HostsFile, parseHosts } from './hosts-file.ts';
import { parseNsswitch, type SourceOrder } from './nsswitch.ts';
import { parseResolvConf, type ResolvConf } from './resolv-conf.ts';

/** Where the platform keeps what name resolution follows. */
export interface SystemPaths {
  readonly hosts: string;
  readonly nsswitch: string;
  readonly resolvConf: string;
}

export const systemPaths: SystemPaths = {
  hosts: '/etc/hosts',
  nsswitch: '/etc/nsswitch.conf',
  resolvConf: '/etc/resolv.conf',
};

/** What the files say at one moment. */
export interface SystemNames {
  readonly hosts: HostsFile;
  readonly order: SourceOrder;
  readonly resolvConf: ResolvConf;
}

/** A file with more than this is read up to here: nobody's resolution follows a megabyte, and a mistake must not take memory. */
const fileCharsMax = 1 << 20;

/**
 * The platform's own rules of name resolution, read again whenever one of the files has changed: containers and VPNs rewrite
 * them while programs run. A file that is missing or cannot be read counts as empty, as for the C library. Never rejects.
 */
export class SystemNameFiles {
  private readonly hosts: WatchedFile<HostsFile>;
  private readonly nsswitch: WatchedFile<SourceOrder>;
  private readonly resolvConf: WatchedFile<ResolvConf>;

  constructor(paths: SystemPaths) {
    this.hosts = new WatchedFile(paths.hosts, parseHosts);
    this.nsswitch = new WatchedFile(paths.nsswitch, parseNsswitch);
    this.resolvConf = new WatchedFile(paths.resolvConf, (text) => parseResolvConf(text, hostname()));
  }

  async read(): Promise<SystemNames> {
    const [hosts, order, resolvConf] = await Promise.all([
      this.hosts.read(),
      this.nsswitch.read(),
      this.resolvConf.read(),
    ]);
    return { hosts, order, resolvConf };
  }
}

/** A file and what was made of it, which is the same object while the file is the same. */
class WatchedFile<T> {
  private readonly path: string;
  private readonly parse: (text: string) => T;
  private state: string | null = null;
  private parsed: T;

  constructor(path: string, parse: (text: string) => T) {
    this.path = path;
    this.parse = parse;
    this.parsed = parse('');
  }

  async read(): Promise<T> {
    const state = await stateOf(this.path);
    if (state === this.state) return this.parsed;
    this.parsed = this.parse((await readFile(this.path, 'latin1').catch(() => '')).slice(0, fileCharsMax));
    this.state = state;
    return this.parsed;
  }
}

async function stateOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch {
    return '';
  }
}
