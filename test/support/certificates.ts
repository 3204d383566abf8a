import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';

/**
 * X.509 certificates (RFC 5280) made in the test, on the curve P-256, so that a test can have any name and any authority without a
 * tool beside it. Good until 2120; worth nothing outside of tests.
 */

export interface Pem {
  readonly cert: string;
  readonly key: string;
}

/** Signs certificates; `cert` is what its peers trust. */
export interface Authority extends Pem {
  /** For these DNS names, IP addresses and URIs; the first is the common name, too. */
  issue(names: readonly string[], validity?: Validity): Pem;
}

/** From when to when a certificate is valid, `YYYYMMDDhhmmssZ`. */
export type Validity = readonly [from: string, to: string];

const always: Validity = ['20200101000000Z', '21200101000000Z'];
export const expired: Validity = ['20200101000000Z', '20210101000000Z'];

/** An authority with a key of its own; two with the same name are not the same. */
export function newAuthority(name = 'Outrigger test authority'): Authority {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const cert = certificate(name, name, publicKey, privateKey, [basicConstraints]);
  return {
    cert,
    key: pemOf(privateKey),
    issue(names, validity = always) {
      const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const subject = names[0] ?? 'nobody';
      const extensions = names.length === 0 ? [] : [subjectAltName(names)];
      return {
        cert: certificate(subject, name, pair.publicKey, privateKey, extensions, validity),
        key: pemOf(pair.privateKey),
      };
    },
  };
}

function certificate(
  subject: string,
  issuer: string,
  key: KeyObject,
  signer: KeyObject,
  extensions: readonly Buffer[],
  [from, to]: Validity = always,
): string {
  const body = sequence(
    tagged(0xa0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(8)])),
    ecdsaWithSha256,
    nameOf(issuer),
    sequence(time(from), time(to)),
    nameOf(subject),
    key.export({ type: 'spki', format: 'der' }),
    ...(extensions.length === 0 ? [] : [tagged(0xa3, sequence(...extensions))]),
  );
  const signature = tagged(0x03, Buffer.of(0), sign('sha256', body, signer));
  const base64 = sequence(body, ecdsaWithSha256, signature).toString('base64');
  return `-----BEGIN CERTIFICATE-----\n${base64.replace(/.{64}/g, '$&\n').trimEnd()}\n-----END CERTIFICATE-----\n`;
}

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

// DER (X.690): a tag, a length, the contents.

function tagged(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  const { length } = content;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}
const sequence = (...contents: readonly Buffer[]): Buffer => tagged(0x30, ...contents);
const integer = (bytes: Buffer): Buffer => tagged(0x02, bytes);
const oid = (hex: string): Buffer => tagged(0x06, Buffer.from(hex, 'hex'));
const time = (text: string): Buffer => tagged(0x18, Buffer.from(text));
const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
const nameOf = (text: string): Buffer =>
  sequence(tagged(0x31, sequence(oid('550403'), tagged(0x0c, Buffer.from(text)))));
const critical = tagged(0x01, Buffer.of(0xff));
const extension = (id: string, value: Buffer, isCritical = false): Buffer =>
  sequence(oid(id), ...(isCritical ? [critical] : []), tagged(0x04, value));
const basicConstraints = extension('551d13', sequence(critical), true);

function subjectAltName(names: readonly string[]): Buffer {
  const one = (name: string): Buffer => {
    if (isIPv4(name)) return tagged(0x87, Buffer.from(name.split('.').map(Number)));
    if (isIPv6(name)) return tagged(0x87, ipv6Bytes(name));
    return tagged(name.includes('://') ? 0x86 : 0x82, Buffer.from(name));
  };
  return extension('551d11', sequence(...names.map(one)));
}

function ipv6Bytes(address: string): Buffer {
  const [left, right = ''] = address.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const missing = address.includes('::') ? 8 - groups(left).length - groups(right).length : 0;
  const all = [...groups(left), ...Array<string>(missing).fill('0'), ...groups(right)];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}
