/** The name of the Role that the commands and manifests of Outrigger use. */
const roleName = 'outrigger-endpointslices';

/**
 * Returns a command that gives discovery what it requires and nothing else: to list and watch EndpointSlices of one namespace.
 *
 * @param said the message of a 403, which names the user that was denied
 */
export function grantCommand(said: string, namespace: string): string {
  const inNamespace = `-n ${shellSafe(namespace) || 'NAMESPACE'}`;
  const role = `kubectl create role ${roleName} ${inNamespace} --verb=list,watch --resource=endpointslices.discovery.k8s.io`;
  const binding = `kubectl create rolebinding ${roleName} ${inNamespace} --role=${roleName} ${subjectOf(said)}`;
  return `${role} && ${binding}`;
}

function subjectOf(said: string): string {
  const user = /User "([^"]{1,253})"/.exec(said)?.[1] ?? '';
  const account = /^system:serviceaccount:([a-z0-9-]+):([a-z0-9.-]+)$/.exec(user);
  if (account !== null) return `--serviceaccount=${account[1]}:${account[2]}`;
  return user !== '' && shellSafe(user) === user ? `--user=${user}` : '--serviceaccount=NAMESPACE:NAME';
}

/** The server chose the text, and somebody will paste it into a shell. */
function shellSafe(text: string): string {
  return /^[A-Za-z0-9@:._-]+$/.test(text) && !text.startsWith('-') ? text : '';
}
