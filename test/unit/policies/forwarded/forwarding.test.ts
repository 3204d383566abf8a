import { expect } from 'chai';
import fc from 'fast-check';
import { FieldKind } from '../../../../src/core/field.ts';
import { HeaderBlock } from '../../../../src/core/header-block.ts';
import {
  type Connection,
  type ForwardingSettings,
  forward,
  forwardedHeaders,
} from '../../../../src/policies/forwarded/forwarding.ts';

const client: Connection = { address: '192.0.2.1', scheme: 'https', authority: 'orders:8443' };
type Pair = readonly [string, string];

/** The headers that an endpoint gets, of those that say from whom a request came. */
function forwardedOf(
  settings: Partial<ForwardingSettings>,
  came: readonly Pair[] = [],
  connection: Partial<Connection> = {},
): Array<[string, string]> {
  const head = HeaderBlock.of([':method', 'GET'], ['x-other', '1'], ...came);
  const whole = { mode: 'append', headers: forwardedHeaders, trustedHops: Number.POSITIVE_INFINITY } as const;
  const given = forward(head, { ...client, ...connection }, { ...whole, ...settings });
  expect([given.method, given.get('x-other')]).to.deep.equal(['GET', '1']);
  return given.allFields
    .filter(({ name }) => name.includes('forwarded'))
    .map(({ name, value }) => [name, value]);
}

const only = (header: (typeof forwardedHeaders)[number]) => ({ headers: [header] });

describe('policies/forwarded/forwarding', () => {
  it('says what is known of the connection', () => {
    for (const mode of ['append', 'set'] as const)
      expect(forwardedOf({ mode })).to.deep.equal([
        ['x-forwarded-for', '192.0.2.1'],
        ['x-forwarded-proto', 'https'],
        ['x-forwarded-host', 'orders:8443'],
        ['x-forwarded-port', '8443'],
        ['forwarded', 'for=192.0.2.1;host="orders:8443";proto=https'],
      ]);
  });

  it('keeps of proto, host and port what the trusted proxies added behind values that a client made up', () => {
    const came: Pair[] = [
      ['x-forwarded-proto', 'https'],
      ['x-forwarded-proto', 'http'],
      ['x-forwarded-host', 'bank.test, shop.test'],
      ['x-forwarded-port', '443,8080, 80'],
    ];
    const headers = ['x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port'] as const;
    const kept = (trustedHops: number) => forwardedOf({ headers, trustedHops }, came);
    expect(kept(1)).to.deep.equal([
      ['x-forwarded-proto', 'http'],
      ['x-forwarded-host', 'shop.test'],
      ['x-forwarded-port', '80'],
    ]);
    expect(kept(2)).to.deep.equal([...came.slice(0, 3), ['x-forwarded-port', '8080, 80']]);
    expect(kept(Number.POSITIVE_INFINITY)).to.deep.equal(came);
  });

  it('appends to what came, in one header, and keeps what only the first proxy knows', () => {
    const came: Pair[] = [
      ['x-forwarded-for', '198.51.100.1'],
      ['x-forwarded-for', '198.51.100.2 , 10.0.0.1'],
      ['x-forwarded-proto', 'http'],
      ['x-forwarded-host', 'shop.test'],
      ['x-forwarded-port', '80'],
      ['forwarded', 'for=a;host="x,y"'],
    ];
    expect(forwardedOf({}, came)).to.deep.equal([
      ['x-forwarded-proto', 'http'],
      ['x-forwarded-host', 'shop.test'],
      ['x-forwarded-port', '80'],
      ['x-forwarded-for', '198.51.100.1, 198.51.100.2, 10.0.0.1, 192.0.2.1'],
      ['forwarded', 'for=a;host="x,y", for=192.0.2.1;host="orders:8443";proto=https'],
    ]);
  });

  it('keeps the values that trusted proxies added, and drops those before', () => {
    const came: Pair[] = [
      ['x-forwarded-for', 'forged, 198.51.100.2, 10.0.0.1'],
      ['forwarded', 'for="forged, too", for=b'],
    ];
    const keptOf = (trustedHops: number) => {
      const given = new Map(forwardedOf({ trustedHops }, came));
      return [given.get('x-forwarded-for'), given.get('forwarded')?.split(', for=192')[0]];
    };
    expect(keptOf(1)).to.deep.equal(['10.0.0.1, 192.0.2.1', 'for=b']);
    expect(keptOf(2)).to.deep.equal(['198.51.100.2, 10.0.0.1, 192.0.2.1', 'for="forged, too", for=b']);
    expect(keptOf(9)[0]).to.equal('forged, 198.51.100.2, 10.0.0.1, 192.0.2.1');
  });

  it('a quote that a client does not close takes in no value behind it', () => {
    expect(
      forwardedOf(only('forwarded'), [
        ['forwarded', 'for="a'],
        ['forwarded', 'for=b'],
      ]),
    ).to.deep.equal([['forwarded', 'for=b, for=192.0.2.1;host="orders:8443";proto=https']]);
    const came: Pair[] = [['x-forwarded-for', '"a, 10.0.0.1']];
    expect(forwardedOf({ ...only('x-forwarded-for'), trustedHops: 1 }, came)).to.deep.equal([
      ['x-forwarded-for', '10.0.0.1, 192.0.2.1'],
    ]);
  });

  it('takes nothing from a client where no proxy is trusted', () => {
    const came: Pair[] = forwardedHeaders.map((name) => [name, 'forged']);
    expect(forwardedOf({ trustedHops: 0 }, came)).to.deep.equal(forwardedOf({}));
    expect(forwardedOf({ mode: 'set' }, came)).to.deep.equal(forwardedOf({}));
  });

  it('set removes the headers that it does not write as well, append passes them', () => {
    const came: Pair[] = [['forwarded', 'for=a']];
    expect(forwardedOf({ mode: 'set', ...only('x-forwarded-proto') }, came)).to.deep.equal([
      ['x-forwarded-proto', 'https'],
    ]);
    expect(forwardedOf(only('x-forwarded-proto'), came)).to.deep.equal([
      ['forwarded', 'for=a'],
      ['x-forwarded-proto', 'https'],
    ]);
  });

  it('knows IPv6 addresses, and clients without an address', () => {
    expect(forwardedOf(only('forwarded'), [], { address: '2001:db8::1', authority: 'orders' })).to.deep.equal(
      [['forwarded', 'for="[2001:db8::1]";host=orders;proto=https']],
    );
    expect(
      forwardedOf({ mode: 'set' }, [['x-forwarded-for', 'a']], { address: '', authority: '' }),
    ).to.deep.equal([
      ['x-forwarded-proto', 'https'],
      ['x-forwarded-port', '443'],
      ['forwarded', 'for=unknown;proto=https'],
    ]);
  });

  it('the port is that of the authority, else that of the scheme', () => {
    const portOf = (authority: string, scheme: Connection['scheme']) =>
      forwardedOf(only('x-forwarded-port'), [], { authority, scheme })[0][1];
    expect(portOf('a', 'http')).to.equal('80');
    expect(portOf('[::1]', 'https')).to.equal('443');
    expect(portOf('[::1]:81', 'https')).to.equal('81');
  });

  it('whatever came, each list has the client as its last value, and each header is well-formed', () => {
    const text = fc.string({ unit: fc.constantFrom('"', '\\', ',', ' ', 'a', ';', '\xe9'), maxLength: 30 });
    // A run that fails prints its seed; `fc.assert(…, { seed })` runs it again.
    fc.assert(
      fc.property(fc.array(text, { maxLength: 3 }), text, fc.nat(3), (values, authority, trustedHops) => {
        const came = values.flatMap((value): Pair[] => [
          ['x-forwarded-for', value.trim()],
          ['forwarded', value.trim()],
        ]);
        const head = HeaderBlock.of(...came);
        const settings = { mode: 'append', headers: forwardedHeaders, trustedHops } as const;
        const given = forward(head, { ...client, authority: authority.trim() }, settings);
        expect(given.hasAny(1 << FieldKind.Malformed)).to.equal(false);
        expect(given.get('x-forwarded-for')).to.match(/(^|, )192\.0\.2\.1$/);
        // Without what stands in quotes, the element of this connection is the last of the list.
        const outside = given.get('forwarded')!.replace(/"(?:[^"\\]|\\.)*"/g, '');
        expect(outside.split(',').at(-1)!.trim()).to.match(/^for=192\.0\.2\.1(;host=[^;]*)?;proto=https$/);
        expect(given.all('forwarded')).to.have.length(1);
      }),
    );
  });
});
