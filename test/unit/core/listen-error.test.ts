import { expect } from 'chai';
import { parseAddress } from '../../../src/core/address.ts';
import { ListenError } from '../../../src/core/listen-error.ts';

const told = (listener: string, address: string, code: string): string =>
  new ListenError(listener, parseAddress(address).value!, Object.assign(new Error(`raw ${code}`), { code }))
    .message;

describe('core/listen-error', () => {
  it('says what is wrong with an address, and what to do', () => {
    expect(told('web', '0.0.0.0:80', 'EADDRINUSE')).to.equal(
      'listener web cannot listen on 0.0.0.0:80: the address is in use; stop what listens there or choose another port',
    );
    expect(told('', '0.0.0.0:80', 'EACCES')).to.equal(
      'the admin server cannot listen on 0.0.0.0:80: a port below 1024 requires the capability CAP_NET_BIND_SERVICE; choose a higher port, or grant it (systemd: AmbientCapabilities, Kubernetes: securityContext.capabilities.add)',
    );
    expect(told('web', '0.0.0.0:8080', 'EACCES')).to.include('this user may not listen there');
    expect(told('web', '192.0.2.1:80', 'EADDRNOTAVAIL')).to.include('this machine has no such address');
    expect(told('web', 'nowhere:80', 'ENOTFOUND')).to.include('the host name "nowhere" has no address');
    expect(told('web', '[::1]:80', 'EAFNOSUPPORT')).to.include('this machine has no IPv6');
    expect(told('web', 'unix:/nonexistent/a', 'EACCES')).to.equal(
      'listener web cannot listen on unix:/nonexistent/a: its folder does not exist; create it, or choose another path',
    );
    expect(told('web', '127.0.0.1:80', 'EOTHER')).to.include('raw EOTHER');
  });
});
