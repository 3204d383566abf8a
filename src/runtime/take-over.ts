import { connect } from 'node:net';
import { askAdmin } from '../cli/admin-client.ts';
import type { Config } from '../config/table.ts';
import { type Address, formatAddress } from '../core/address.ts';
import { waitFor } from '../core/clock.ts';
import type { Result } from '../core/result.ts';
import { warmUpMsMax } from '../upstream/warm-up.ts';
import { waitWhile } from './lifecycle.ts';
import { type AppState, clustersAwaited } from './parts.ts';

// How a sidecar begins that takes over from another on the same addresses (`drain.handover`).

/** Between two attempts to get the admin address, milliseconds. */
const retryIntervalMs = 50;

/** Turns a failure into null where there is to be another attempt. */
export function orNullIf(again: boolean): (error: unknown) => null {
  return (error) => {
    if (again) return null;
    throw error;
  };
}

/**
 * Waits until the sidecar on the admin address is asked to stop, or has gone. Only then may this one share its addresses: a
 * process that nobody makes room for must take no connection, since each that waits to be accepted is reset when it ends.
 * Rejects with a sentence after `drain.handover`.
 */
export async function onDrainRequest(parts: AppState): Promise<void> {
  const { clock, logger } = parts.deps;
  const { drain, admin } = parts.running.config;
  const endMs = clock.now() + drain.handoverMs!;
  const address = formatAddress(admin.listen);
  logger.info('the admin address is in use: waiting for its sidecar to start draining', { address });
  while (await servesOn(admin)) {
    if (clock.now() >= endMs)
      throw new Error(
        `admin: ${address} is in use, and its sidecar did not start to drain within drain.handover; stop it with SIGTERM, or choose another address (admin.listen, --admin)`,
      );
    await waitFor(clock, retryIntervalMs);
  }
}

/** Another program may be there as well: that it goes is found out when the address is free. */
async function servesOn({ listen, tls }: Config['admin']): Promise<boolean> {
  // Nothing secret is sent, and all that is asked for is whether it drains: the certificate need not be verified.
  const target = { address: listen, ...(tls === undefined ? {} : { tls: { rejectUnauthorized: false } }) };
  const state = async (path: string): Promise<Result<unknown>> => {
    const { value, error } = await askAdmin(target, path);
    return error === undefined ? { value: (value as { state?: unknown } | null)?.state } : { error };
  };
  const { value, error } = await state('/ready?format=json');
  if (error !== undefined) return !(await isFree(listen));
  // Of a version whose /ready has no state: /server_info has one, and asks nobody for a token.
  const known = value ?? (await state('/server_info?format=json')).value;
  return known !== 'draining';
}

/** Whether nobody accepts connections there. */
function isFree(address: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(
      address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port },
    );
    socket.once('connect', () => socket.destroy());
    socket.once('error', () => resolve(true));
    socket.once('close', () => resolve(false));
  });
}

/** Who shares an address gets calls from the first moment, so it is warm by then; but not for ever. */
export async function beforeSharing(parts: AppState): Promise<void> {
  const { clock } = parts.deps;
  if (parts.running.config.drain.handoverMs === undefined) return;
  await waitWhile(() => clustersAwaited(parts).length > 0, clock, clock.now() + warmUpMsMax);
}

/** The predecessor gives its admin address away once it sees the successor's sockets. */
export async function whenFree<T>(open: () => Promise<T>, parts: AppState): Promise<T> {
  const { clock, logger } = parts.deps;
  const { drain, admin } = parts.running.config;
  const endMs = clock.now() + drain.handoverMs!;
  logger.info('the admin address is in use: waiting for the previous sidecar to release it', {
    address: formatAddress(admin.listen),
  });
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (clock.now() >= endMs) throw error;
    }
    await waitFor(clock, retryIntervalMs);
  }
}
