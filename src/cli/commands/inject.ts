import { isIP } from 'node:net';
import type { Command } from '../command.ts';
import type { InjectArguments } from '../inject/inject.ts';
import { hostDefault } from '../inject/sidecar.ts';

const configMapDefault = 'outrigger';

export const inject: Command<InjectArguments> = {
  name: 'inject',
  summary: 'add the sidecar to Kubernetes manifests, or remove it',
  usage: '[FILE] --image IMAGE [options]',
  detail: [
    'Reads manifests, YAML or JSON, from FILE or standard input, adds Outrigger as a native sidecar',
    '(Kubernetes 1.29 and later) to each pod template, and writes the result to standard output. Running',
    'it again replaces the sidecar. --remove takes it out again.',
    '',
    'The sidecar reads outrigger.yaml of a ConfigMap. With --config, the ConfigMap is part of the output.',
    'A workload with the annotation outrigger/inject: disabled is left as it is.',
    'Exit codes: 0 done, 2 the command line, the manifests or the configuration is wrong.',
  ],
  examples: [
    'outrigger inject shop.yaml --image example/outrigger:1 -c outrigger.yaml | kubectl apply -f -',
    'kubectl get deploy shop -o yaml | outrigger inject --image example/outrigger:1 > shop.yaml',
    'outrigger inject --remove < shop.yaml',
  ],
  flags: [
    { name: 'image', value: 'IMAGE', doc: 'image of the sidecar' },
    {
      name: 'config',
      short: 'c',
      value: 'FILE',
      doc: 'configuration to put into the ConfigMap; it is checked first',
    },
    {
      name: 'config-map',
      value: 'NAME',
      doc: `ConfigMap with the configuration, in its key outrigger.yaml (${configMapDefault})`,
    },
    {
      name: 'host',
      value: 'IP',
      doc: `address on which the sidecar answers probes (${hostDefault}); :: for pods with IPv6 only`,
    },
    { name: 'remove', doc: 'remove the sidecar and the ConfigMap that an earlier inject added' },
  ],
  positional: 'FILE',
  parse({ one, positional }) {
    const configMap = one['config-map'] ?? configMapDefault;
    if (!isObjectName(configMap))
      return {
        error: `--config-map: ${JSON.stringify(configMap)} is no name of a Kubernetes object; write lower-case letters, digits, "-" and ".", 253 at most`,
      };
    const file = positional === '-' ? undefined : positional;
    if (one.remove !== undefined) {
      if (one.image !== undefined || one.config !== undefined || one.host !== undefined)
        return { error: '--remove takes none of --image, --config and --host; leave them out' };
      return { value: { file, action: { remove: true } } };
    }
    if (one.image === undefined)
      return {
        error:
          '--image is missing; write the image of the sidecar, as --image registry.example/outrigger:0.1.0',
      };
    const host = (one.host ?? hostDefault).replace(/^\[(.*)\]$/, '$1');
    if (isIP(host) === 0)
      return {
        error: `--host: ${JSON.stringify(one.host)} is no IP address; write ${hostDefault}, or :: for pods with IPv6 only`,
      };
    const { image, config } = one;
    return { value: { file, action: { remove: false, image, configMap, host, config } } };
  },
  run: async (args, { io, env }) => (await import('../inject/inject.ts')).inject(args, io, env),
};

/** RFC 1123 subdomain. */
function isObjectName(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name);
}
