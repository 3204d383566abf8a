/**
 * Returns a command that gives discovery what it requires and nothing else: to list and watch EndpointSlices of one namespace.
 * Each account has a Role of its own, so that the command also works where another sidecar has one already.
 *
 * @param said the message of a 403, which names the user that was denied
 */
export function grantCommand(said: string, namespace: string): string {
  const inNamespace = `-n ${shellSafe(namespace) || 'NAMESPACE'}`;
  const { name, flag } = subjectOf(said, namespace);
  const role = `kubectl create role ${name} ${inNamespace} --verb=list,watch --resource=endpointslices.discovery.k8s.io`;
  const binding = `kubectl create rolebinding ${name} ${inNamespace} --role=${name} ${flag}`;
  return `${role} && ${binding}`;
}

/** Who was denied: the name of a Role for it, as the manifests of Outrigger name it, and the flag of kubectl. */
function subjectOf(said: string, namespace: string): { readonly name: string; readonly flag: string } {
  const user = /User "([^"]{1,253})"/.exec(said)?.[1] ?? '';
  const account = /^system:serviceaccount:([a-z0-9-]+):([a-z0-9.-]+)$/.exec(user);
  if (account !== null) {
    const [, home, name] = account;
    const flag = `--serviceaccount=${home}:${name}`;
    return { name: `${home === namespace ? '' : `${home}-`}${name}-outrigger`, flag };
  }
  const isWhole = user !== '' && shellSafe(user) === user;
  return { name: 'outrigger', flag: isWhole ? `--user=${user}` : '--serviceaccount=NAMESPACE:NAME' };
}

/** The server chose the text, and somebody will paste it into a shell. */
function shellSafe(text: string): string {
  return /^[A-Za-z0-9@:._-]+$/.test(text) && !text.startsWith('-') ? text : '';
}
