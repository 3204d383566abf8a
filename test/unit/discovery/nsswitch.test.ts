import { expect } from 'chai';
import { parseNsswitch } from '../../../src/discovery/nsswitch.ts';

describe('nsswitch.conf', () => {
  for (const [line, sources, final, multicast] of [
    ['', ['files', 'dns'], [], false],
    ['passwd: files', ['files', 'dns'], [], false],
    ['hosts: files dns', ['files', 'dns'], [], false],
    ['hosts:files dns # dns files', ['files', 'dns'], [], false],
    ['# hosts: dns\nhosts:\tdns files', ['dns', 'files'], [], false],
    ['hosts: files', ['files'], [], false],
    ['hosts: files mdns4_minimal [NOTFOUND=return] dns', ['files', 'dns'], [], true],
    ['hosts: files myhostname resolve [!UNAVAIL=return] dns', ['files', 'dns'], ['dns'], false],
    ['hosts: files [SUCCESS=continue NOTFOUND=return] dns', ['files', 'dns'], ['files'], false],
    ['hosts: files[notfound=return] dns', ['files', 'dns'], ['files'], false],
    ['hosts: files [UNAVAIL=return] dns', ['files', 'dns'], [], false],
  ] as const) {
    it(`"${line.replace('\n', '\\n')}" gives ${sources.join(', then ')}`, () => {
      const order = parseNsswitch(line);
      expect([order.sources, [...order.final], order.multicast]).to.deep.equal([sources, final, multicast]);
    });
  }
});
