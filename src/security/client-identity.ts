import type { PeerCertificate, TLSSocket } from 'node:tls';

/** Names of one certificate that are searched; certificates with thousands of names exist. */
const namesCharsMax = 65_536;

/** Who a client is by its certificate, as in `Peer.identity`; '' where it showed none, or none of a trusted authority. */
export function clientIdentity(socket: TLSSocket): string {
  if (!socket.authorized) return '';
  return identityOf(socket.getPeerCertificate() ?? {});
}

/** The first URI of the subject alternative names, else the first DNS name, else the common name. */
export function identityOf({ subjectaltname = '', subject }: Partial<PeerCertificate>): string {
  const names = alternativeNames(subjectaltname);
  const named = names.find(({ type }) => type === 'URI') ?? names.find(({ type }) => type === 'DNS');
  if (named !== undefined) return named.value;
  const commonName: string | string[] | undefined = subject?.CN;
  return (Array.isArray(commonName) ? commonName[0] : commonName) ?? '';
}

interface AlternativeName {
  readonly type: string;
  readonly value: string;
}

/**
 * Reads what node makes of the names: `URI:spiffe://a/b, DNS:c`. A value that could be taken for several names is in quotes, as
 * JSON has them (CVE-2021-44532).
 */
function alternativeNames(text: string): AlternativeName[] {
  const names: AlternativeName[] = [];
  for (const [, type, value] of text
    .slice(0, namesCharsMax)
    .matchAll(/(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?=, |$)/g))
    names.push({ type, value: value.startsWith('"') ? unquoted(value) : value });
  return names;
}

function unquoted(json: string): string {
  try {
    return String(JSON.parse(json));
  } catch {
    return '';
  }
}
