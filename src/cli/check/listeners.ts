import { X509Certificate } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import { checkWritable } from '../../config/config-file.ts';
import type { Config } from '../../config/table.ts';
import { type Address, formatAddress } from '../../core/address.ts';
import { ListenError } from '../../core/listen-error.ts';
import { checkExpiry } from './certificate.ts';
import { type Finding, Findings } from './finding.ts';
import type { CheckDeps } from './limits.ts';

/** One address that the configuration listens on. */
interface Listening {
  readonly subject: string;
  readonly address: Address;
  readonly transport: 'tcp' | 'udp';
  readonly certificateFile: string | undefined;
}

/**
 * Checks that each address is free, by binding it for a moment, and until when the certificates of listeners are valid.
 *
 * @param owner what runs on the addresses, where a sidecar with this configuration already runs: `the running sidecar (pid 1)`
 */
export async function checkListeners(
  config: Config,
  deps: CheckDeps,
  owner: string | undefined,
): Promise<readonly Finding[]> {
  const all: Listening[] = config.listeners.map((listener) => ({
    subject: `listener ${listener.name}`,
    address: listener.listen,
    transport: listener.protocol === 'udp' ? 'udp' : 'tcp',
    certificateFile: listener.tls?.cert,
  }));
  const { listen, probes, tls } = config.admin;
  all.push({ subject: 'admin server', address: listen, transport: 'tcp', certificateFile: tls?.cert });
  if (probes !== undefined)
    all.push({ subject: 'admin probes', address: probes, transport: 'tcp', certificateFile: undefined });
  const lists = await Promise.all(all.map((one) => checkListening(one, deps, owner)));
  return lists.flat();
}

async function checkListening(
  { subject, address, transport, certificateFile }: Listening,
  { clock }: CheckDeps,
  owner: string | undefined,
): Promise<readonly Finding[]> {
  const found = new Findings(subject);
  const at = formatAddress(address);
  const { problem, code } = await bindProblem(address, transport);
  if (problem === '') found.ok('listen-address', `${at} is free`);
  else if (code === 'EADDRINUSE' && owner !== undefined)
    found.ok('listen-address', `${at} is in use by ${owner}`);
  else {
    // `cannot listen on ADDRESS: what is wrong; what to do`
    const [what, ...fix] = problem.split('; ');
    found.failed('listen-address', what, fix.join('; ') || 'choose another address');
  }
  if (certificateFile !== undefined) checkFile(certificateFile, clock.wallMs(), found);
  return found.list;
}

function checkFile(file: string, nowWallMs: number, found: Findings): void {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(readFileSync(file));
  } catch {
    // Checking the configuration has reported it before.
    return;
  }
  checkExpiry(
    certificate,
    nowWallMs,
    found,
    'listener-certificate',
    `renew the certificate ${JSON.stringify(file)}, then reload`,
  );
  if (certificate.subjectAltName === undefined)
    found.warning(
      'listener-certificate',
      `the certificate ${JSON.stringify(file)} has no subject alternative name, so clients refuse it`,
      'issue a certificate that has the name of the service as a subject alternative name',
    );
}

async function bindProblem(
  address: Address,
  transport: 'tcp' | 'udp',
): Promise<{ readonly problem: string; readonly code?: string | undefined }> {
  // Binding a socket file would replace the one of a running process.
  if (address.kind === 'unix') {
    const problem = checkWritable(`${dirname(address.path)}/.outrigger-check`);
    return { problem: problem === undefined ? '' : `cannot listen on unix:${address.path}: ${problem}` };
  }
  try {
    await (transport === 'udp' ? bindUdp(address) : bindTcp(address));
    return { problem: '' };
  } catch (error) {
    const { message } = new ListenError('', address, error);
    return {
      problem: message.replace(/^the admin server /, ''),
      code: (error as NodeJS.ErrnoException).code,
    };
  }
}

async function bindTcp({ host, port }: Extract<Address, { kind: 'tcp' }>): Promise<void> {
  const server = createServer();
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

async function bindUdp({ host, port }: Extract<Address, { kind: 'tcp' }>): Promise<void> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  try {
    socket.bind({ address: host, port, exclusive: true });
    await once(socket, 'listening');
  } finally {
    socket.close();
  }
}
