import { spawnSync } from 'node:child_process';

/** Addresses of the private network; each run has network namespaces of its own, so that runs do not meet. */
const prefix = '10.89.77';
const nameLengthMax = 15;

/** A network of named hosts, in namespaces that only this test sees: nothing of it appears in the network of this machine. */
export class Network {
  private readonly hub: string;
  private readonly hosts = new Map<string, { readonly namespace: string; readonly address: string }>();

  constructor(id: string) {
    this.hub = `og${id}`.slice(0, nameLengthMax);
    ip('netns', 'add', this.hub);
    ip('-n', this.hub, 'link', 'add', 'br0', 'type', 'bridge');
    ip('-n', this.hub, 'link', 'set', 'br0', 'up');
  }

  /** Adds a host; its namespace can be reached by the others. */
  add(name: string): void {
    const index = this.hosts.size + 1;
    const namespace = `${this.hub}-${index}`;
    const address = `${prefix}.${index}`;
    ip('netns', 'add', namespace);
    this.hosts.set(name, { namespace, address });
    ip(
      '-n',
      this.hub,
      'link',
      'add',
      `p${index}`,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      namespace,
    );
    ip('-n', this.hub, 'link', 'set', `p${index}`, 'master', 'br0', 'up');
    ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }

  /** Options of `podman run` for a container on a host. */
  optionsFor(host: string): string[] {
    const others = [...this.hosts].flatMap(([name, { address }]) => ['--add-host', `${name}:${address}`]);
    return ['--network', `ns:/run/netns/${this.hosts.get(host)?.namespace}`, ...others];
  }

  close(): void {
    for (const { namespace } of this.hosts.values()) ip('netns', 'delete', namespace);
    ip('netns', 'delete', this.hub);
  }
}

function ip(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
}
