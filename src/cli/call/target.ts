import type { EndpointPin, ListenerSnapshot } from '../../admin/deps.ts';
import { chooseListener, reachableAddress } from '../../replica-call/listener.ts';
import { type AdminAnswer, askAdmin } from '../admin-client.ts';
import type { AdminTarget } from '../admin-target.ts';

/** Finds the address of the listener that gets the call: the named one, or the first that takes gRPC calls. */
export async function findListener(
  target: AdminTarget,
  name: string | undefined,
): Promise<AdminAnswer<string>> {
  const answer = await askAdmin(target, '/listeners');
  if (answer.error !== undefined) return answer;
  const found = chooseListener(answer.value as readonly ListenerSnapshot[], name);
  if (found.error !== undefined)
    return { error: name === undefined ? found.error : `--listener: ${found.error}` };
  return { value: reachableAddress(found.value.address) };
}

/** Gets the header that sends calls to one endpoint. */
export async function pinTo(target: AdminTarget, endpoint: string): Promise<AdminAnswer<EndpointPin>> {
  const path = `/endpoints/${encodeURIComponent(endpoint)}/pin`;
  return (await askAdmin(target, path, { method: 'POST' })) as AdminAnswer<EndpointPin>;
}
