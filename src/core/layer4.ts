/** Returns what a protocol of Layer 4 carries, with its article; null for any other protocol. */
export function layer4Unit(protocol: string | undefined): 'a tcp connection' | 'a udp session' | null {
  if (protocol === 'tcp') return 'a tcp connection';
  return protocol === 'udp' ? 'a udp session' : null;
}
