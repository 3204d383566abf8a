import * as grpc from '@grpc/grpc-js';
import { expect } from 'chai';
import type { GroupsReport } from '../../src/admin/call-groups/group-calls.ts';
import { runCommand } from '../unit/cli/support.ts';
import { rig } from './rig.ts';

describe('the calls of the last seconds in groups', () => {
  const { chain } = rig();

  it('are counted exactly from the first question on, and shown by outrigger stat', async () => {
    const { client, sidecar, replica } = await chain();
    const report = async (path: string) =>
      (await (
        await fetch(`${sidecar.adminUrl}${path}`, { headers: { accept: 'application/json' } })
      ).json()) as GroupsReport;
    await client.sayHello('before anybody asked');
    expect((await report('/calls/by/method')).total.calls).to.equal(0);

    for (let i = 0; i < 7; i++) await client.sayHello('x');
    replica.failure = { code: grpc.status.UNAVAILABLE, details: 'not now' };
    for (let i = 0; i < 3; i++) await client.sayHello('x');

    const [method] = (await report('/calls/by/method')).groups;
    expect(method).to.include({ name: 'helloworld.Greeter/SayHello', calls: 10, errors: 3, attempts: 10 });
    const [endpoint] = (await report('/calls/by/endpoint?status=UNAVAILABLE')).groups;
    expect(endpoint).to.include({ name: replica.address, scope: 'greeter', calls: 3, errors: 3 });
    expect((await report('/calls/by/client')).groups.map(({ name }) => name)).to.deep.equal(['127.0.0.1']);

    const admin = new URL(sidecar.adminUrl).host;
    const { code, out } = await runCommand(['stat', '--method', 'SayHello', '--admin', admin]);
    expect(code).to.equal(0);
    expect(out).to.match(/^10 calls ended in the last \d+\.\d s\.\n/);
    expect(out).to.match(/\n +\d+\.\d +10 +3 +30\.0% +0 +10 .* helloworld\.Greeter\/SayHello\n$/);
  });
});
